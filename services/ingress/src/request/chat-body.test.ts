import { expect, test } from "vitest";
import { type ChatBody, parseChatBody, parseParameters } from "./chat-body.ts";
import { noAdditions, refusalOf, valueOf } from "./parsed.fixture.ts";

const parsed = (value: unknown): ChatBody => valueOf(parseChatBody(value, noAdditions));
const body = (changed: object = {}) => ({
  model: "auto",
  messages: [{ role: "user", content: "Hi" }],
  ...changed,
});

test("an ordinary body becomes messages and parameters in a fixed order", () => {
  const given = body({ temperature: 0.5, stop: null, max_tokens: 5, stream: true });
  expect(parsed(given)).toEqual({
    operation: "chat",
    inputs: [],
    tokenInputs: [],
    model: "auto",
    messages: [
      {
        ...{ role: "user", content: "Hi", parts: null, toolCalls: null },
        ...{ toolCallId: null, name: null, members: null },
      },
    ],
    parameters: '{"max_tokens":5,"temperature":0.5}',
    stream: true,
    includeUsage: false,
  });
});

const partsOf = (content: unknown) =>
  parsed(body({ messages: [{ role: "user", content }] })).messages[0];

test("one text part becomes its text; several parts are kept unchanged", () => {
  const text = { type: "text", text: "What is" };
  const rest = { type: "text", text: " this?" };
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
  const marked = { ...text, prompt_cache_breakpoint: { mode: "explicit" } };
  expect(partsOf([text])).toMatchObject({ content: "What is", parts: null });
  expect(partsOf([text, rest])?.content).toBe("What is this?");
  for (const parts of [[text, rest], [text, image], [image], [marked]])
    expect(JSON.parse(partsOf(parts)?.parts ?? "")).toEqual(parts);
});

test("a refusal that a client sends back becomes the content part with the same meaning", () => {
  const messageOf = (message: object) =>
    parsed(body({ messages: [{ role: "assistant", ...message }] })).messages[0];
  const refusal = { type: "refusal", refusal: "No." };
  expect(JSON.parse(messageOf({ content: null, refusal: "No." })?.parts ?? "")).toEqual([refusal]);
  expect(JSON.parse(messageOf({ content: "Well.", refusal: "No." })?.parts ?? "")).toEqual([
    { type: "text", text: "Well." },
    refusal,
  ]);
  const answer = { content: "Yes.", refusal: null, annotations: [], audio: null };
  expect(messageOf(answer)).toMatchObject({ content: "Yes.", parts: null });
});

test("members of schemas keep their order, because a model answers in it", () => {
  const schema = { properties: { z: { type: "string" }, a: { type: "string" } }, type: "object" };
  const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
  const tools = [{ type: "function", function: { name: "f", parameters: schema } }];
  const { parameters } = parsed(body({ tools, response_format }));
  expect(parameters.split(JSON.stringify(schema))).toHaveLength(3);
});

test("a turn with tools keeps its calls and their results", () => {
  const calls = [{ id: "c1", type: "function", function: { name: "add", arguments: "{}" } }];
  const messages = [
    { role: "assistant", content: null, tool_calls: calls },
    { role: "tool", content: "3", tool_call_id: "c1" },
  ];
  const [assistant, tool] = parsed(body({ messages })).messages;
  expect(assistant?.content).toBe("");
  expect(JSON.parse(assistant?.toolCalls ?? "")).toEqual(calls);
  expect(tool).toMatchObject({ role: "tool", content: "3", toolCallId: "c1" });
});

test("the reasoning of an answer can be sent back, and only as an assistant's", () => {
  const reasoning = {
    ...{ reasoning_content: "6 times 7", reasoning: "6 times 7" },
    reasoning_details: [{ type: "reasoning.text", text: "6 times 7", signature: "c2ln" }],
  };
  const messagesOf = (role: string, more: object) =>
    parsed(body({ messages: [{ role, content: "42", ...more }] })).messages;
  expect(JSON.parse(messagesOf("assistant", reasoning)[0]?.members ?? "")).toEqual(reasoning);
  expect(messagesOf("assistant", { reasoning_content: null })[0]?.members).toBeNull();
  expect(messagesOf("assistant", {})[0]?.members).toBeNull();
  expect(messagesOf("user", reasoning)[0]?.members).toBeNull();
});

test.each<readonly [object, string, string]>([
  [
    body({ messages: [{ role: "assistant", content: "x", reasoning_content: {} }] }),
    "invalid_value",
    "messages.0.reasoning_content",
  ],
  [body({ model: "" }), "invalid_value", "model"],
  [body({ messages: "Hi" }), "invalid_value", "messages"],
  [body({ messages: [{ role: "user", content: [] }] }), "invalid_value", "messages.0.content"],
  [body({ temperature: "warm" }), "invalid_value", "temperature"],
  [body({ n: 0 }), "invalid_value", "n"],
  [body({ best_of: 2 }), "unknown_parameter", "best_of"],
  [body({ stream_options: { speed: 1 } }), "unknown_parameter", "stream_options.speed"],
  [body({ stream_options: { include_usage: true } }), "invalid_value", "stream_options"],
  [body({ web_search_options: {} }), "unsupported_parameter", "web_search_options"],
  [body({ tools: [{ type: "custom" }] }), "invalid_value", "tools.0.type"],
  [body({ tool_choice: { type: "custom" } }), "invalid_value", "tool_choice.type"],
  [body({ response_format: { type: "xml" } }), "invalid_value", "response_format.type"],
  [
    body({ response_format: { type: "text", strict: true } }),
    "unknown_parameter",
    "response_format.strict",
  ],
  [body({ stop: ["a", ""] }), "invalid_value", "stop.1"],
  [body({ metadata: { a: "v".repeat(513) } }), "invalid_value", "metadata.a"],
  [
    body({ messages: [{ role: "tool", content: "3", tool_call_id: "c".repeat(513) }] }),
    "invalid_value",
    "messages.0.tool_call_id",
  ],
  [body({ top_logprobs: 2 }), "invalid_value", "top_logprobs"],
  [body({ max_tokens: 1, max_completion_tokens: 1 }), "invalid_value", "max_tokens"],
  [
    body({ messages: [{ role: "user", content: "x", parsed: {} }] }),
    "unknown_parameter",
    "messages.0.parsed",
  ],
  [
    body({ messages: [{ role: "assistant", audio: { id: "a" } }] }),
    "unsupported_parameter",
    "messages.0.audio",
  ],
  [
    body({ messages: [{ role: "user", content: [{ type: "input_audio" }] }] }),
    "invalid_value",
    "messages.0.content.0.type",
  ],
])("%j is refused as %s of '%s'", (value, code, param) => {
  expect(refusalOf(parseChatBody(value, noAdditions))).toMatchObject({ code, param });
});

test("an unsupported parameter may be null, as in bodies that name every parameter", () => {
  expect(parsed(body({ audio: null, functions: null })).parameters).toBe("{}");
  expect(refusalOf(parseChatBody(body({ functions: [] }), noAdditions)).reason).toContain(
    "use 'tools'",
  );
});

test.each([null, "text", 3, [body()]])("%j is refused as a body", (value) => {
  expect(refusalOf(parseChatBody(value, noAdditions))).toMatchObject({
    code: "invalid_value",
    param: null,
  });
});

test("parameters of a record are checked like those of a body, and written in one order", () => {
  const written = parseParameters('{ "top_p": 1, "seed": 7, "user": null }', noAdditions);
  expect(valueOf(written)).toBe('{"seed":7,"top_p":1}');
  expect(refusalOf(parseParameters("{", noAdditions))).toMatchObject({ code: "invalid_json" });
  expect(refusalOf(parseParameters('{"best_of":2}', noAdditions))).toMatchObject({
    ...{ code: "unknown_parameter", param: "parameters.best_of" },
  });
  expect(refusalOf(parseParameters('{"stream":true}', noAdditions)).reason).toContain(
    "parameters.stream",
  );
});
