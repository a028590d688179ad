import type { RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { choicesOf } from "../../attempt/chunk-choices.ts";
import { callProvider, embed } from "../provider.contract.ts";
import { brokenAfter, events, json, serve, stopServing } from "../wire/answering-server.fixture.ts";

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

describe("an answer in another form than was asked for", () => {
  const chunks = [
    text("On"),
    text("e"),
    { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
  ];

  test("is read if a whole one comes as events", async () => {
    expect(await whole(events(...chunks))).toMatchObject({
      ...{ kind: "answered", answer: { choices: [{ content: "One" }] } },
    });
  });

  test("is read if a stream comes as a document, of any content type", async () => {
    const message = { role: "assistant", content: "One" };
    const body = { choices: [{ index: 0, message, finish_reason: "stop" }] };
    const end = await streamed((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).end(JSON.stringify(body));
    });
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "One" }] } });
  });

  test("is an error under any content type", async () => {
    for (const type of ["text/event-stream", "text/plain"]) {
      // oxlint-disable-next-line no-await-in-loop -- one server after the other
      const end = await streamed((_, response) => {
        response.writeHead(200, { "content-type": type }).end(JSON.stringify(rateLimit));
      });
      expect(end).toMatchObject({ kind: "refused", code: "rate_limited" });
    }
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

  test("if only reasoning that is not shown was made", async () => {
    const reasoned = {
      choices: [],
      usage: {
        ...{ prompt_tokens: 12, completion_tokens: 50 },
        completion_tokens_details: { reasoning_tokens: 50 },
      },
    };
    expect(await streamed(events(reasoned, error))).toMatchObject({ kind: "cut" });
  });

  test("if a whole answer has both", async () => {
    const both = {
      ...error,
      choices: [{ index: 0, message: { content: "On" }, finish_reason: "error" }],
      usage: { prompt_tokens: 10, completion_tokens: 500 },
    };
    expect(await whole(json(both))).toMatchObject({
      ...{ kind: "cut", code: "provider_error", answer: { choices: [{ content: "On" }] } },
      usage: { usage: { inputTokens: 10n, outputTokens: 500n } },
    });
  });

  test("and the text of its event is kept", async () => {
    const last = {
      ...error,
      choices: [{ index: 0, delta: { content: "e" }, finish_reason: "error" }],
    };
    expect(await streamed(events(text("On"), last))).toMatchObject({
      ...{ kind: "cut", answer: { choices: [{ content: "One" }] } },
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

  test("is completed by a later part of it", async () => {
    const begun = {
      choices: [],
      usage: {
        ...{ prompt_tokens: 3_541, completion_tokens: 1 },
        prompt_tokens_details: { cached_tokens: 3_000 },
      },
    };
    const ended = { choices: [], usage: { completion_tokens: 500 } };
    const stop = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
    const zeros = { choices: [], usage: { prompt_tokens: 0, completion_tokens: 0 } };
    expect(await streamed(events(begun, text("One"), stop, ended, zeros))).toMatchObject({
      usage: { usage: { inputTokens: 541n, cachedInputTokens: 3_000n, outputTokens: 500n } },
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

describe("a refusal whose body does not end", () => {
  const refusing: RequestListener = (_, response) => {
    response.writeHead(429, { "content-type": "application/json", "retry-after": "3" });
    response.write('{"error":');
  };
  const refusal = { kind: "refused", code: "rate_limited", status: 429, retryAfterMs: 3_000 };

  test("is a refusal, and is not awaited", async () => {
    expect(await whole(refusing)).toMatchObject(refusal);
  });

  test("is a refusal also if the call is ended meanwhile", async () => {
    const aborting = new AbortController();
    const provider = await serve((request, response) => {
      refusing(request, response);
      setTimeout(() => aborting.abort(), 100);
    });
    const call = { signal: aborting.signal };
    const { end } = await callProvider(provider, { prompt: "x", stream: true, call });
    expect(end).toMatchObject(refusal);
  });
});

test("parallel calls that all have the index 0 are several calls, also for the reader of the stream", async () => {
  const callOf = (id: string, name: string, args: string) => ({
    choices: [
      {
        index: 0,
        delta: {
          tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: args } }],
        },
      },
    ],
  });
  const more = {
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: "}" } }] } }],
  };
  const stop = { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] };
  const first = callOf("a", "weather", '{"at":1}');
  const provider = await serve(events(first, callOf("b", "time", '{"at":2'), more, stop));
  const { end, parts } = await callProvider(provider, { prompt: "x", stream: true });
  if (end.kind !== "answered") throw new Error("The provider did not answer.");
  expect(JSON.parse(end.answer.choices[0]?.toolCalls ?? "")).toMatchObject([
    { id: "a", function: { name: "weather", arguments: '{"at":1}' } },
    { id: "b", function: { name: "time", arguments: '{"at":2}' } },
  ]);
  const indexes = parts.flat().flatMap((part) => (part.kind === "tool_call" ? part.index : []));
  expect(indexes).toEqual([0, 1, 1]);
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
  const { end, parts } = await callProvider(provider, { prompt: "x", stream: true });
  expect(end).toMatchObject({
    answer: {
      choices: [{ toolCalls: expect.stringContaining('"id":"call_1","type":"function"') }],
    },
  });
  // The reader of the stream must not replace the id that it has.
  expect(JSON.stringify(parts.map(choicesOf))).not.toContain('"id":""');
});
