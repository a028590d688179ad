import type { RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { callProvider, embed } from "../provider.contract.ts";
import { brokenAfter, events, json, serve, stopServing } from "./answering-server.fixture.ts";

afterEach(stopServing);

const rateLimit = {
  error: { message: "Rate limit exceeded: free-models-per-day", code: 429 },
  user_id: "u",
};
const text = (content: string, more: object = {}) => ({
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
  ...more,
});
const usage = { prompt_tokens: 12, completion_tokens: 0, total_tokens: 12 };

async function whole(listener: RequestListener) {
  return (await callProvider(await serve(listener), { prompt: "x" })).end;
}

async function streamed(listener: RequestListener) {
  return (await callProvider(await serve(listener), { prompt: "x", stream: true })).end;
}

describe("a successful response with an error is a refusal with its code, and costs nothing", () => {
  const refusal = { kind: "refused", code: "rate_limited", status: 429 };

  test("as a whole answer", async () => {
    expect(await whole(json(rateLimit))).toMatchObject(refusal);
  });

  test("as the first event of a stream", async () => {
    expect(await streamed(events(rateLimit))).toMatchObject(refusal);
  });

  test("as the first event that says something", async () => {
    const role = { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] };
    expect(await streamed(events(role, rateLimit))).toMatchObject(refusal);
  });

  test("as JSON instead of a stream", async () => {
    expect(await streamed(json(rateLimit))).toMatchObject(refusal);
  });

  test("as an event of that name", async () => {
    const end = await streamed((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end('event: error\ndata: {"message":"Busy","type":"overloaded_error"}\n\n');
    });
    expect(end).toMatchObject({ kind: "refused", code: "server_error" });
  });

  test("as the answer of embeddings", async () => {
    expect(await embed(await serve(json(rateLimit)), ["x"])).toMatchObject(refusal);
  });

  test("with the provider's words about the request", async () => {
    const error = { message: "Unknown tool.", type: "invalid_request_error", param: "tools" };
    expect(await whole(json({ error }))).toMatchObject({
      ...{ kind: "refused", code: "request_refused", words: "Unknown tool. (tools)" },
    });
  });
});

describe("an error after a part of the answer is not a refusal, because the part is billed", () => {
  const error = { error: { message: "Upstream failed", code: 502 } };

  test("if text had arrived", async () => {
    expect(await streamed(events(text("One"), error))).toMatchObject({
      ...{ kind: "cut", code: "provider_error", answer: { choices: [{ content: "One" }] } },
    });
  });

  test("if only its usage shows what was made", async () => {
    const made = { choices: [], usage: { prompt_tokens: 12, completion_tokens: 40 } };
    expect(await streamed(events(made, error))).toMatchObject({
      ...{ kind: "cut", usage: { usage: { inputTokens: 12n, outputTokens: 40n } } },
    });
  });

  test("and the choice of an error is not a part of the answer", async () => {
    const broken = { ...error, choices: [{ index: 0, delta: {}, finish_reason: "error" }] };
    expect(await streamed(events(text("One"), broken))).toMatchObject({ kind: "cut" });
  });
});

describe("a response that is complete and has no answer is metered as reported", () => {
  test.each([
    ["no choices", { choices: [], usage }],
    ["no member for choices", { usage }],
    ["a choice without a message", { choices: [{ index: 0, finish_reason: null }], usage }],
  ])("if it has %s", async (_, body) => {
    const expected = { kind: "unusable", code: "answer_empty" };
    const counted = { usage: { usage: { inputTokens: 12n, outputTokens: 0n } } };
    expect(await whole(json(body))).toMatchObject({ ...expected, ...counted });
    expect(await streamed(events(body))).toMatchObject({ ...expected, ...counted });
  });

  test("and is not a lost connection if it is empty or a page for people", async () => {
    expect(await whole(json({}))).toEqual({ kind: "unusable", code: "answer_empty", usage: null });
    expect(await streamed(events())).toMatchObject({ code: "answer_empty" });
    const page: RequestListener = (_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>");
    };
    expect(await whole(page)).toMatchObject({ kind: "unusable", code: "answer_unreadable" });
    expect(await streamed(page)).toMatchObject({ kind: "unusable", code: "answer_unreadable" });
    expect(await embed(await serve(page), ["x"])).toMatchObject({ code: "answer_unreadable" });
  });

  test("also if a body is damaged", async () => {
    const damaged: RequestListener = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end('{"choices":[');
    };
    expect(await whole(damaged)).toMatchObject({ kind: "unusable", code: "answer_unreadable" });
  });
});

describe("usage that was reported before a stream broke off", () => {
  const reported = (completion: number, reasoning: number) => ({
    usage: {
      ...{ prompt_tokens: 1_200, completion_tokens: completion },
      completion_tokens_details: { reasoning_tokens: reasoning },
    },
  });

  test("is kept, and the last one counts", async () => {
    const listener = brokenAfter(text("One", reported(3, 0)), text(" two", reported(805, 800)));
    expect(await streamed(listener)).toMatchObject({
      ...{ kind: "cut", code: "connection_lost" },
      usage: { usage: { inputTokens: 1_200n, outputTokens: 5n, reasoningTokens: 800n } },
    });
  });

  test("makes a cut of a stream that has said nothing yet, whose reasoning is billed", async () => {
    const silent = { choices: [{ index: 0, delta: { content: "" } }], ...reported(40, 40) };
    expect(await streamed(brokenAfter(silent))).toMatchObject({
      ...{ kind: "cut", answer: { choices: [{ content: "" }] } },
      usage: { usage: { reasoningTokens: 40n } },
    });
  });

  test("is not replaced by an empty object", async () => {
    const end = { choices: [], usage: {} };
    const stop = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
    expect(await streamed(events(text("One", reported(3, 0)), stop, end))).toMatchObject({
      ...{ kind: "answered", usage: { usage: { outputTokens: 3n } } },
    });
  });

  test.each([
    ["x_groq", { x_groq: { usage: { prompt_tokens: 4, completion_tokens: 2 } } }],
    ["the last choice", {}],
  ])("is found in %s", async (place, more) => {
    const inChoice =
      place === "x_groq" ? {} : { usage: { prompt_tokens: 4, completion_tokens: 2 } };
    const stop = {
      choices: [{ index: 0, delta: {}, finish_reason: "stop", ...inChoice }],
      ...more,
    };
    expect(await streamed(events(text("One"), stop))).toMatchObject({
      usage: { usage: { inputTokens: 4n, outputTokens: 2n } },
    });
  });
});

describe("a limit of the provider", () => {
  test("is the operator's quota, and not the rate, if the provider says so", async () => {
    const quota = { error: { message: "You exceeded your quota.", code: "insufficient_quota" } };
    expect(await whole(json(quota, 429))).toMatchObject({ code: "quota_exhausted", status: 429 });
    expect(await whole(json({}, 402))).toMatchObject({ code: "quota_exhausted", status: 402 });
    expect(await whole(json({}, 429))).toMatchObject({ code: "rate_limited" });
  });
});

test("a sign of life before the first chunk changes nothing", async () => {
  const end = await streamed((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data:\n\n: still here\n\ndata: ping\n\n");
    response.write(`data: ${JSON.stringify(text("One"))}\n\n`);
    response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n');
  });
  expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "One" }] } });
});

test("a tool call keeps its first id and type, although later chunks repeat them as empty", async () => {
  const call = (more: object, args: string) => ({
    choices: [
      { index: 0, delta: { tool_calls: [{ index: 0, ...more, function: { arguments: args } }] } },
    ],
  });
  const first = call({ id: "call_1", type: "function" }, '{"a"');
  const later = call({ id: "", type: "" }, ":1}");
  const stop = { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] };
  const provider = await serve(events(first, later, stop));
  const { end, chunks } = await callProvider(provider, { prompt: "x", stream: true });
  expect(end).toMatchObject({
    answer: {
      choices: [{ toolCalls: expect.stringContaining('"id":"call_1","type":"function"') }],
    },
  });
  // The reader of the stream must not replace the id that it has.
  expect(JSON.stringify(chunks)).not.toContain('"id":""');
});
