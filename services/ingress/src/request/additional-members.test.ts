import { openAiRequestMembers } from "@sluice/declarations";
import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { describe, expect, test } from "vitest";
import { declarationsWith } from "../declarations.fixture.ts";
import { chatRefusalOf, parseChatBody, parseParameters } from "./chat-body.ts";
import { embeddingsRefusalOf, parseEmbeddingsBody } from "./embeddings-body.ts";
import { parameters } from "./parameters.ts";
import { noAdditions, refusalOf, someAdditions, valueOf } from "./parsed.fixture.ts";
import { recordRefusalOf } from "./record-check.ts";

const chat = (more: object) => ({
  model: "auto",
  messages: [{ role: "user", content: "Hi" }],
  ...more,
});
const embeddings = (more: object) => ({ model: "embeddings", input: "a", ...more });
const parametersOf = (value: unknown) => valueOf(parseChatBody(value, someAdditions)).parameters;

describe("a member that some model allows", () => {
  test("passes with its value as sent, after the parameters of OpenAI's API and in the order of names", () => {
    const chat_template_kwargs = { z: false, a: [1.5, null] };
    expect(parametersOf(chat({ top_k: 5, chat_template_kwargs, temperature: 0.5 }))).toBe(
      '{"temperature":0.5,"chat_template_kwargs":{"z":false,"a":[1.5,null]},"top_k":5}',
    );
  });

  test("is absent if it is null, as a parameter of OpenAI's API", () => {
    expect(parametersOf(chat({ top_k: null }))).toBe("{}");
  });

  test("passes in a request for embeddings", () => {
    const body = parseEmbeddingsBody(embeddings({ input_type: "query", user: "u" }), someAdditions);
    expect(valueOf(body).parameters).toBe('{"user":"u","input_type":"query"}');
  });

  test("passes in the parameters of a record", () => {
    const written = parseParameters('{"top_k":5,"seed":1}', someAdditions);
    expect(valueOf(written)).toBe('{"seed":1,"top_k":5}');
  });

  test("is bounded in its depth like the rest of the body", () => {
    const deep = JSON.parse(`{"a":${"[".repeat(70)}${"]".repeat(70)}}`);
    const refusal = refusalOf(parseChatBody(chat({ chat_template_kwargs: deep }), someAdditions));
    expect(refusal.reason).toContain("deeper than 64");
  });
});

describe("a chat template inside chat_template_kwargs", () => {
  const chat_template_kwargs = { a: true, chat_template: "{{ 1 }}" };
  const param = "chat_template_kwargs.chat_template";
  const refusalAt = (path: string) => ({
    ...{ kind: "refused", code: "unsupported_parameter", param: path },
    reason: `Unsupported parameter: '${path}': it is a program, which the server would run. Remove it.`,
  });

  test("is refused over HTTP, although a model allows chat_template_kwargs", () => {
    const parsedChat = parseChatBody(chat({ chat_template_kwargs }), someAdditions);
    expect(parsedChat).toEqual(refusalAt(param));
    const body = embeddings({ chat_template_kwargs });
    expect(parseEmbeddingsBody(body, someAdditions)).toEqual(refusalAt(param));
  });

  test("is refused in the parameters of a record, for chats and for embeddings", () => {
    const text = JSON.stringify({ chat_template_kwargs });
    const expected = refusalAt(`parameters.${param}`);
    expect(parseParameters(text, someAdditions)).toEqual(expected);
    const inputs = { inputs: ["a"], tokenInputs: [], parameters: text };
    expect(embeddingsRefusalOf(inputs, someAdditions)).toEqual(expected);
  });

  test("is only that member: another value or name passes", () => {
    for (const given of ["chat_template", ["chat_template"], { a: { chat_template: "b" } }])
      expect(parametersOf(chat({ chat_template_kwargs: given }))).toBe(
        JSON.stringify({ chat_template_kwargs: given }),
      );
  });
});

describe("a member that no model allows", () => {
  const remedy = "Remove it, or have it allowed with requestMembers of a model in sluice.yaml.";

  test("is refused, and the reason has both remedies", () => {
    const expected = { code: "unknown_parameter", reason: `Unknown parameter: 'top_k'. ${remedy}` };
    expect(refusalOf(parseChatBody(chat({ top_k: 5 }), noAdditions))).toMatchObject(expected);
    expect(refusalOf(parseEmbeddingsBody(embeddings({ top_k: 5 }), noAdditions))).toMatchObject(
      expected,
    );
    const reason = `Unknown parameter: 'parameters.top_k'. ${remedy}`;
    expect(refusalOf(parseParameters('{"top_k":5}', noAdditions))).toMatchObject({ reason });
  });

  test("is only to be removed if it is a member of a member, because those cannot be allowed", () => {
    const response_format = { type: "text", top_k: 1 };
    const refusal = refusalOf(parseChatBody(chat({ response_format }), someAdditions));
    expect(refusal.reason).toBe("Unknown parameter: 'response_format.top_k'. Remove it.");
  });

  test("is refused next to one that is allowed", () => {
    const refusal = refusalOf(parseChatBody(chat({ top_k: 5, top_q: 1 }), someAdditions));
    expect(refusal.param).toBe("top_q");
  });
});

test("a record is checked with what the declarations allow, for chats and for embeddings", () => {
  const declarations = declarationsWith("requestMembers: [top_k]");
  const refusalOfRecord = (given: object, text: string) =>
    recordRefusalOf(aRequest({ ...given, parameters: text }), declarations)?.param;
  const forEmbeddings = {
    ...{ operation: "embeddings", model: "embeddings", messages: [], inputs: ["a"] },
  };
  for (const given of [{}, forEmbeddings]) {
    expect(refusalOfRecord(given, '{"top_k":5}')).toBeUndefined();
    expect(refusalOfRecord(given, '{"min_p":5}')).toBe("parameters.min_p");
  }
});

describe("an additional member of an earlier answer", () => {
  const answer = { role: "assistant", content: "42", citations: ["a"], annotations: [{ b: 1 }] };
  const parse = (message: object, allowed = someAdditions) =>
    parseChatBody(chat({ messages: [message] }), allowed);

  test("is accepted from a client that sends the answer back, and no provider receives it", () => {
    expect(valueOf(parse(answer)).messages).toEqual([
      aMessage({ role: "assistant", content: "42" }),
    ]);
  });

  test("is refused if no model declares it, and in a message of another role", () => {
    expect(refusalOf(parse(answer, noAdditions)).param).toBe("messages.0.annotations");
    expect(refusalOf(parse({ ...answer, annotations: [] }, noAdditions)).param).toBe(
      "messages.0.citations",
    );
    expect(refusalOf(parse({ ...answer, annotations: [], role: "user" })).param).toBe(
      "messages.0.citations",
    );
  });

  test("is accepted in the members of a record's message", () => {
    const members = '{"citations":["a"],"reasoning":"6 times 7"}';
    const request = aRequest({ messages: [aMessage({ role: "assistant", members })] });
    expect(chatRefusalOf(request, someAdditions)).toBeUndefined();
    expect(chatRefusalOf(request, noAdditions)?.param).toBe("messages[0].members.citations");
  });
});

test("every parameter that ingress knows is a name that no declaration may allow", () => {
  const known = Object.keys(parameters.shape);
  expect(known.length).toBeGreaterThan(30);
  expect(known.filter((name) => !openAiRequestMembers.has(name))).toEqual([]);
  const others = ["model", "messages", "stream", "stream_options", "input", "dimensions"];
  expect(others.filter((name) => !openAiRequestMembers.has(name))).toEqual([]);
});
