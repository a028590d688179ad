import type { IncomingMessage, RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { choicesOf } from "../../attempt/chunk-choices.ts";
import { callProvider, type CallSettings } from "../provider.contract.ts";
import { json, serve, stopServing } from "../wire/answering-server.fixture.ts";
import { AnthropicProvider } from "./anthropic-provider.ts";

afterEach(stopServing);

type Event = Readonly<Record<string, unknown>> & { readonly type: string };

const input = { input_tokens: 12, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
const start: Event = {
  type: "message_start",
  message: {
    ...{ id: "msg_1", type: "message", role: "assistant", model: "claude-1", content: [] },
    ...{ stop_reason: null, usage: { ...input, output_tokens: 1 } },
  },
};
const blockStart = (index: number, content_block: object): Event => ({
  ...{ type: "content_block_start", index, content_block },
});
const delta = (index: number, given: object): Event => ({
  ...{ type: "content_block_delta", index, delta: given },
});
const blockStop = (index: number): Event => ({ type: "content_block_stop", index });
const ended = (stop_reason: string, output_tokens = 30): Event => ({
  ...{ type: "message_delta", delta: { stop_reason }, usage: { output_tokens } },
});
const stop: Event = { type: "message_stop" };
const ping: Event = { type: "ping" };
const saidText = (index: number, ...texts: readonly string[]): readonly Event[] => [
  blockStart(index, { type: "text", text: "" }),
  ...texts.map((text) => delta(index, { type: "text_delta", text })),
  blockStop(index),
];

const lines = (events: readonly Event[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

function streamOf(...events: readonly Event[]): RequestListener {
  return (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(lines(events));
  };
}

function brokenAfter(...events: readonly Event[]): RequestListener {
  return (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(lines(events));
    setTimeout(() => response.destroy(), 30);
  };
}

async function call(
  listener: RequestListener,
  settings: Partial<CallSettings> = {},
  limits: Parameters<typeof serve>[1] = {},
) {
  const provider = await serve(listener, limits, AnthropicProvider);
  return callProvider(provider, { prompt: "x", ...settings });
}

const stream = (...events: readonly Event[]) => call(streamOf(...events), { stream: true });

const message = (changes: object) => ({
  ...{ id: "msg_1", type: "message", role: "assistant", model: "claude-1" },
  ...{ stop_reason: "end_turn", usage: { ...input, output_tokens: 30 } },
  ...changes,
});

describe("a whole answer", () => {
  test("has its text, its model and its usage", async () => {
    const content = [
      { type: "text", text: "The " },
      { type: "text", text: "Nile" },
    ];
    const { end } = await call(json(message({ content })));
    expect(end).toMatchObject({
      kind: "answered",
      answer: {
        providerModel: "claude-1",
        choices: [{ index: 0, content: "The Nile", finishReason: "stop", toolCalls: null }],
      },
      usage: { usage: { inputTokens: 12n, outputTokens: 30n } },
    });
  });

  test("has thinking as reasoning, which a client can send back, and calls of tools", async () => {
    const content = [
      { type: "thinking", thinking: "Hm", signature: "c2ln" },
      { type: "redacted_thinking", data: "xyz" },
      { type: "tool_use", id: "toolu_1", name: "look", input: { at: "sky" } },
      { type: "tool_use", id: "toolu_2", name: "listen", input: {} },
    ];
    const { end } = await call(json(message({ content, stop_reason: "tool_use" })));
    if (end.kind !== "answered") throw new Error("The provider did not answer.");
    const [choice] = end.answer.choices;
    expect(choice).toMatchObject({ content: null, finishReason: "tool_calls" });
    expect(JSON.parse(choice?.toolCalls ?? "")).toEqual([
      { id: "toolu_1", type: "function", function: { name: "look", arguments: '{"at":"sky"}' } },
      { id: "toolu_2", type: "function", function: { name: "listen", arguments: "{}" } },
    ]);
    const format = "anthropic-claude-v1";
    expect(JSON.parse(choice?.members ?? "")).toEqual({
      reasoning_content: "Hm",
      reasoning_details: [
        { type: "reasoning.text", text: "Hm", signature: "c2ln", format, index: 0 },
        { type: "reasoning.encrypted", data: "xyz", format, index: 1 },
      ],
    });
  });

  test.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["pause_turn", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["tool_use", "tool_calls"],
    ["refusal", "content_filter"],
    ["something_new", "something_new"],
  ])("that ended with %s has the finish reason %s", async (stop_reason, finishReason) => {
    const { end } = await call(
      json(message({ content: [{ type: "text", text: "x" }], stop_reason })),
    );
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ finishReason }] } });
  });

  test("that is a refusal has the provider's words, if it gave any", async () => {
    const stop_details = { type: "refusal", category: "cyber", explanation: "Not this." };
    const refused = message({ content: [], stop_reason: "refusal", stop_details });
    expect((await call(json(refused))).end).toMatchObject({
      kind: "answered",
      answer: {
        choices: [{ content: null, refusal: "Not this.", finishReason: "content_filter" }],
      },
    });
    const silent = message({ content: [], stop_reason: "refusal" });
    expect((await call(json(silent))).end).toMatchObject({ kind: "answered" });
  });

  test("of the tools of the provider is passed over", async () => {
    const content = [{ type: "server_tool_use", id: "s", name: "web_search" }, null, 5];
    const { end } = await call(
      json(message({ content: [...content, { type: "text", text: "x" }] })),
    );
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "x" }] } });
  });
});

describe("a stream", () => {
  test("has its texts in parts, and its usage from the first and the last event", async () => {
    const { end, parts } = await stream(
      start,
      ping,
      ...saidText(0, "The ", "Nile"),
      ended("end_turn"),
      stop,
    );
    expect(end).toMatchObject({
      kind: "answered",
      answer: { choices: [{ content: "The Nile", finishReason: "stop" }] },
      usage: { usage: { inputTokens: 12n, outputTokens: 30n } },
    });
    const text = parts.flat().map((part) => (part.kind === "text" ? part.text : ""));
    expect(text.join("")).toBe("The Nile");
    expect(choicesOf(parts[0] ?? [])).toEqual([
      { index: 0, delta: { role: "assistant" }, finish_reason: null },
    ]);
    expect(choicesOf(parts.at(-1) ?? [])).toEqual([{ index: 0, delta: {}, finish_reason: "stop" }]);
  });

  test("has the calls of tools with their places, and their arguments in pieces", async () => {
    const { end, parts } = await stream(
      start,
      ...saidText(0, "Wait."),
      blockStart(1, { type: "tool_use", id: "toolu_1", name: "look", input: {} }),
      delta(1, { type: "input_json_delta", partial_json: '{"at":' }),
      delta(1, { type: "input_json_delta", partial_json: '"sky"}' }),
      blockStop(1),
      blockStart(2, { type: "tool_use", id: "toolu_2", name: "listen", input: {} }),
      delta(2, { type: "input_json_delta", partial_json: "" }),
      delta(9, { type: "input_json_delta", partial_json: "lost" }),
      blockStop(2),
      ended("tool_use"),
      stop,
    );
    if (end.kind !== "answered") throw new Error("The provider did not answer.");
    expect(JSON.parse(end.answer.choices[0]?.toolCalls ?? "")).toEqual([
      { id: "toolu_1", type: "function", function: { name: "look", arguments: '{"at":"sky"}' } },
      { id: "toolu_2", type: "function", function: { name: "listen", arguments: "{}" } },
    ]);
    const calls = parts.flat().filter((part) => part.kind === "tool_call");
    expect(calls.map(({ index, id }) => [index, id])).toEqual([
      [0, "toolu_1"],
      [0, null],
      [0, null],
      [1, "toolu_2"],
      [1, null],
    ]);
  });

  test("has its thinking as reasoning, before its text", async () => {
    const { end, parts } = await stream(
      start,
      blockStart(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, { type: "thinking_delta", thinking: "6 times" }),
      delta(0, { type: "thinking_delta", thinking: " 7" }),
      delta(0, { type: "signature_delta", signature: "c2ln" }),
      blockStop(0),
      ...saidText(1, "42"),
      ended("end_turn"),
      stop,
    );
    if (end.kind !== "answered") throw new Error("The provider did not answer.");
    expect(JSON.parse(end.answer.choices[0]?.members ?? "")).toEqual({
      reasoning_content: "6 times 7",
      reasoning_details: [
        {
          ...{ type: "reasoning.text", text: "6 times 7", signature: "c2ln", index: 0 },
          format: "anthropic-claude-v1",
        },
      ],
    });
    const [first] = parts.filter((arrived) => arrived.some(({ kind }) => kind === "reasoning"));
    expect(choicesOf(first ?? [])).toMatchObject([{ delta: { reasoning_details: [{}] } }]);
  });

  test("is whole with its last event, although the connection stays open", async () => {
    const { end } = await call(
      (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(lines([start, ...saidText(0, "Nile"), ended("end_turn"), stop]));
      },
      { stream: true },
      // Longer than a test may take.
      { silenceMs: 100_000 },
    );
    expect(end).toMatchObject({ kind: "answered" });
  });

  test("without the names of events is read by the types of their data", async () => {
    const events = [start, ...saidText(0, "Nile"), ended("end_turn"), stop];
    const { end } = await call(
      (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
      },
      { stream: true },
      { silenceMs: 100_000 },
    );
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "Nile" }] } });
  });

  test("that breaks after its beginning is cut, and has the usage of the prompt", async () => {
    const usage = { usage: { inputTokens: 12n, outputTokens: null } };
    const code = "connection_lost";
    const text = [start, ...saidText(0, "Ni")];
    expect((await call(brokenAfter(...text), { stream: true })).end).toMatchObject({
      ...{ kind: "cut", code, answer: { choices: [{ content: "Ni" }] }, usage },
    });
    // The usage of the prompt does not say what was made of the answer.
    for (const begun of [ping, start, blockStart(0, { type: "thinking", thinking: "" })])
      // oxlint-disable-next-line no-await-in-loop -- one server after the other
      expect((await call(brokenAfter(start, begun), { stream: true })).end).toEqual({
        ...{ kind: "lost", code },
      });
  });

  test("whose first event is an error is a refusal", async () => {
    const error = (type: string) => ({ type: "error", error: { type, message: "Overloaded" } });
    expect((await stream(error("overloaded_error"))).end).toMatchObject({
      ...{ kind: "refused", code: "server_error" },
    });
    expect((await stream(error("rate_limit_error"))).end).toMatchObject({
      ...{ kind: "refused", code: "rate_limited" },
    });
  });

  test("with an event of a new type is read on, whatever words it has", async () => {
    const notice = { type: "notice", message: "Rate limit ahead" };
    const { end } = await stream(
      notice,
      start,
      notice,
      ...saidText(0, "x"),
      ended("end_turn"),
      stop,
    );
    expect(end).toMatchObject({ kind: "answered", answer: { choices: [{ content: "x" }] } });
  });

  test("with an error after text is cut", async () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    const { end } = await stream(start, ...saidText(0, "Ni"), error);
    expect(end).toMatchObject({ kind: "cut", code: "provider_error" });
  });
});

test("a call has the key, the version of the API, the attempt's id and the trace", async () => {
  const received: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    received.push(request);
    json(message({ content: [{ type: "text", text: "x" }] }))(request, response);
  };
  const attemptId = crypto.randomUUID();
  await call(listener, { call: { attemptId, trace: { traceparent: "00-trace" } } });
  const [request] = received;
  expect(request?.url).toBe("/v1/messages");
  expect(request?.headers).toMatchObject({
    ...{ "anthropic-version": expect.any(String), "x-client-request-id": attemptId },
    ...{ traceparent: "00-trace", authorization: "Bearer sk-test" },
  });
});
