import { expect } from "vitest";
import { callsOf, expectAnswer, membersOf, textOf } from "./chat-completions-checks.fixture.ts";
import type { Exchange } from "./declared-preset.fixture.ts";
import type { Capability, Check, PresetRows } from "./preset-rows.fixture.ts";

/*
 * "Create a Message", "Streaming Messages", "Extended thinking", "Prompt caching" and "Errors",
 * https://platform.claude.com/docs/en.
 */

type Event = Readonly<Record<string, unknown>> & { readonly type: string };

const usageWith = (more: object = {}) => ({
  ...{ input_tokens: 12, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  ...{ output_tokens: 6, service_tier: "standard", ...more },
});
const wholeWith = (content: readonly object[], usage: object = usageWith()) => ({
  ...{ id: "msg_013Z", type: "message", role: "assistant", model: "claude-sonnet-5", content },
  ...{ stop_reason: "end_turn", stop_sequence: null, usage },
});
const text = { type: "text", text: "42" };
const whole = wholeWith([text]);

const eventsOf = (...events: readonly Event[]) =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
const start: Event = {
  type: "message_start",
  message: { ...wholeWith([], usageWith({ output_tokens: 1 })), stop_reason: null },
};
const block = (index: number, content_block: object, ...deltas: readonly object[]) => [
  { type: "content_block_start", index, content_block },
  ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
  { type: "content_block_stop", index },
];
const textBlock = [
  { type: "text", text: "" },
  { type: "text_delta", text: "4" },
  { type: "text_delta", text: "2" },
] as const;
const ended = (stop_reason: string): readonly Event[] => [
  {
    type: "message_delta",
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: 6 },
  },
  { type: "message_stop" },
];
const stream = eventsOf(start, { type: "ping" }, ...block(0, ...textBlock), ...ended("end_turn"));
const call = (at: number, id: string, ...pieces: readonly string[]) =>
  block(
    at,
    { type: "tool_use", id, name: "add", input: {} },
    ...pieces.map((partial_json) => ({ type: "input_json_delta", partial_json })),
  );
const errorOf = (type: string, message: string) => ({
  ...{ type: "error", error: { type, message }, request_id: "req_011" },
});

const schema = { type: "object", properties: { a: { type: "integer" } } };
const tools = [{ type: "function", function: { name: "add", parameters: schema } }];
const thought = { type: "thinking", thinking: "6 is 2 times 3", signature: "c2ln" };
/** As the client saw it. */
const reasoned = {
  reasoning_content: "6 is 2 times 3",
  reasoning_details: [
    {
      ...{ type: "reasoning.text", text: "6 is 2 times 3", signature: "c2ln" },
      ...{ format: "anthropic-claude-v1", index: 0 },
    },
  ],
};

const checks: Readonly<Record<Capability, Check>> = {
  address: async (preset) => {
    expect((await preset.call(whole)).path).toBe("/v1/messages");
  },
  key: async (preset) => {
    const { headers } = await preset.call(whole);
    expect(headers.authorization).toBe(`Bearer ${preset.key}`);
    expect(headers["anthropic-version"]).toMatch(/^\d{4}-\d\d-\d\d$/);
  },
  "whole answers": async (preset) => {
    const { end } = await preset.call(whole);
    expectAnswer(
      end,
      { content: "42", finishReason: "stop" },
      { inputTokens: 12n, outputTokens: 6n },
    );
  },
  streams: async (preset) => {
    const { end, parts } = await preset.call(stream, { stream: true });
    expectAnswer(end, { content: "42", finishReason: "stop" });
    expect(textOf(parts)).toBe("42");
  },
  "usage of a stream": async (preset) => {
    const { end, body } = await preset.call(stream, { stream: true });
    expectAnswer(end, {}, { inputTokens: 12n, outputTokens: 6n });
    expect(body).not.toHaveProperty("stream_options");
  },
  "name of the output limit": async (preset) => {
    const { body } = await preset.call(whole, { parameters: { max_completion_tokens: 9 } });
    expect(body["max_tokens"]).toBe(400);
    expect(body).not.toHaveProperty("max_completion_tokens");
  },
  tools: async (preset) => {
    const toolCalls = JSON.stringify([
      { id: "c1", type: "function", function: { name: "add", arguments: '{"a":1}' } },
    ]);
    const messages = [
      {},
      { role: "assistant", content: "", toolCalls },
      { role: "tool", content: "3", toolCallId: "c1" },
    ];
    const { body } = await preset.call(whole, {
      messages,
      parameters: { tools, tool_choice: "required" },
    });
    expect(body["tools"]).toMatchObject([{ name: "add", input_schema: schema }]);
    expect(body["tool_choice"]).toEqual({ type: "any" });
    expect(body["messages"]).toMatchObject([
      { role: "user" },
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "c1", name: "add", input: { a: 1 } }],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c1" }] },
    ]);
  },
  "parallel tool calls": async (preset) => {
    const twoCalls = eventsOf(
      start,
      ...call(0, "toolu_1", '{"a": 1,', ' "b": 2}'),
      ...call(1, "toolu_2", '{"a": 3, "b": 4}'),
      ...ended("tool_use"),
    );
    const parameters = { tools, parallel_tool_calls: false };
    const { end, body } = await preset.call(twoCalls, { stream: true, parameters });
    expect(body["tool_choice"]).toEqual({ type: "auto", disable_parallel_tool_use: true });
    expect(callsOf(end)).toEqual([
      { id: "toolu_1", name: "add", arguments: '{"a": 1, "b": 2}' },
      { id: "toolu_2", name: "add", arguments: '{"a": 3, "b": 4}' },
    ]);
  },
  images: async (preset) => {
    const urls = ["https://example.com/a.png", "data:image/png;base64,AA=="];
    const parts = urls.map((url) => ({ type: "image_url", image_url: { url } }));
    const messages = [{ content: "", parts: JSON.stringify(parts) }];
    const { body } = await preset.call(whole, { messages });
    expect(body["messages"]).toMatchObject([
      {
        content: [
          { type: "image", source: { type: "url", url: urls[0] } },
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
        ],
      },
    ]);
  },
  "JSON schema": async (preset) => {
    const json_schema = { name: "x", schema };
    const parameters = { response_format: { type: "json_schema", json_schema } };
    const { body } = await preset.call(whole, { parameters });
    expect(body["output_config"]).toEqual({ format: { type: "json_schema", schema } });
    const mode = await preset.call(whole, {
      parameters: { response_format: { type: "json_object" } },
    });
    expect(mode).toMatchObject({ path: "", end: { kind: "refused", code: "request_refused" } });
  },
  "reasoning shown": async (preset) => {
    const { end } = await preset.call(wholeWith([thought, text]));
    expect(membersOf(end)).toEqual(reasoned);
  },
  "reasoning in a history": async (preset) => {
    const unsigned = JSON.stringify({ reasoning_content: "6 is 2 times 3" });
    const messages = [
      { role: "assistant", content: "42", members: JSON.stringify(reasoned) },
      {},
      { role: "assistant", content: "43", members: unsigned },
      {},
    ];
    const { body } = await preset.call(whole, { messages });
    expect(body["messages"]).toMatchObject([
      { role: "assistant", content: [thought, text] },
      { role: "user" },
      { role: "assistant", content: [{ type: "text", text: "43" }] },
      { role: "user" },
    ]);
  },
  "prompt cache classes in usage": async (preset) => {
    const usage = usageWith({
      ...{ cache_read_input_tokens: 100, cache_creation_input_tokens: 50 },
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
    });
    const { end } = await preset.call(wholeWith([text], usage));
    const written = { cacheWriteTokens: 20n, cacheWriteHourTokens: 30n };
    expectAnswer(end, {}, { inputTokens: 12n, cachedInputTokens: 100n, ...written });
    const long = "The rules are as follows. ".repeat(1_000);
    const { body } = await preset.call(whole, {
      messages: [{ role: "system", content: long }, {}],
    });
    expect(body["system"]).toMatchObject([{ cache_control: { type: "ephemeral" } }]);
  },
  "embeddings and their encoding": async (preset) => {
    const { end, path } = await preset.call(whole, { inputs: ["a"] });
    expect(path).toBe("");
    expect(end).toMatchObject({ kind: "refused", code: "request_refused" });
  },
  "additional members of requests": async (preset) => {
    const parameters = { top_k: 5, not_declared: 1 };
    const { body, headers } = await preset.call(whole, { parameters });
    expect(body["top_k"]).toBe(5);
    expect(headers["anthropic-version"]).toBe("2023-06-01");
    expect(body).not.toHaveProperty("not_declared");
  },
  "additional members of answers": async (preset) => {
    const { end } = await preset.call({ ...whole, container: { id: "c" } });
    expect(membersOf(end)).toEqual({});
  },
  "form of errors": async (preset) => {
    const body = errorOf("invalid_request_error", "messages: at least one message is required");
    const { end } = await preset.call({ status: 400, body });
    expect(end).toMatchObject({
      ...{ kind: "refused", code: "request_refused" },
      words: "messages: at least one message is required",
    });
    const overloaded: Event = errorOf("overloaded_error", "Overloaded");
    const event = await preset.call(eventsOf(overloaded), { stream: true });
    expect(event.end).toMatchObject({ kind: "refused", code: "server_error" });
  },
  quota: async (preset) => {
    const low = errorOf("invalid_request_error", "Your credit balance is too low.");
    const billing = errorOf("billing_error", "There is an issue with your billing.");
    for (const reply of [
      { status: 400, body: low },
      { status: 402, body: billing },
    ])
      expectRefusal(await preset.call(reply), "quota_exhausted");
  },
  "rate limits": async (preset) => {
    const headers = { "retry-after": "7" };
    const body = errorOf("rate_limit_error", "This would exceed your rate limit.");
    const limited = await preset.call({ status: 429, headers, body });
    expectRefusal(limited, "rate_limited");
    expect(limited.end).toMatchObject({ retryAfterMs: 7_000 });
    const overloaded = { status: 529, body: errorOf("overloaded_error", "Overloaded") };
    expectRefusal(await preset.call(overloaded), "server_error");
  },
};

function expectRefusal({ end }: Exchange, code: string): void {
  expect(end).toMatchObject({ kind: "refused", code });
}

export const anthropic: PresetRows = {
  says: {
    address: "`https://api.anthropic.com`",
    key: "`authorization: Bearer`, with the version of the API in `anthropic-version`",
    "whole answers": "yes",
    streams: "yes, from named events",
    "usage of a stream": "always sent; the input at the beginning, the output at the end",
    "name of the output limit": "`max_tokens`",
    tools: "translated to `tool_use` and `tool_result`",
    "parallel tool calls": "`parallel_tool_calls: false` is sent as `disable_parallel_tool_use`",
    images: "translated, by address or as data (JPEG, PNG, GIF, WebP)",
    "JSON schema":
      "translated to `output_config`; the mode `json_object` is refused without a call",
    "reasoning shown":
      "as `reasoning_content`, and with its signature as `reasoning_details`; newer models show a summary, so declare `hidesReasoning` for them",
    "reasoning in a history": "sent back as thinking, if it has Anthropic's signature",
    "prompt cache classes in usage":
      "reads, and writes for five minutes and for an hour; Sluice marks what is to be cached",
    "embeddings and their encoding": "none; refused without a call",
    "additional members of requests": "`top_k`, with version 2023-06-01 of the API, which takes it",
    "additional members of answers": "none",
    "form of errors": "`error` with `type` and `message`, also as an event",
    quota: "HTTP 402 with `billing_error`, or HTTP 400 that says that the balance is too low",
    "rate limits": "HTTP 429 with `retry-after`; HTTP 529 is an overloaded server",
  },
  checks,
};
