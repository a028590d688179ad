import { expect } from "vitest";
import { chatCompletionsChecks, type Samples } from "./chat-completions-checks.fixture.ts";
import { eventsOf } from "./declared-preset.fixture.ts";
import type { PresetRows } from "./preset-rows.fixture.ts";

/*
 * "API Reference", "Streaming", "Reasoning Tokens", "Prompt Caching" and "Errors and Debugging", https://openrouter.ai/docs.
 * A stream may have comments, and an error may be the body of an HTTP 200.
 */

const envelope = {
  ...{ id: "gen-1763000000-x", created: 1_763_000_000, model: "anthropic/claude-sonnet-5" },
  provider: "Anthropic",
};
const usageWith = (more: object = {}) => ({
  ...{ prompt_tokens: 194, completion_tokens: 2, total_tokens: 196, cost: 0.95 },
  ...more,
});
const wholeWith = (usage: object, more: object = {}) => ({
  ...{ ...envelope, object: "chat.completion", usage },
  choices: [
    {
      ...{ index: 0, logprobs: null, finish_reason: "stop", native_finish_reason: "end_turn" },
      message: { role: "assistant", content: "42", refusal: null, ...more },
    },
  ],
});
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...{ ...envelope, object: "chat.completion.chunk" },
  choices: [
    {
      index: 0,
      delta: { role: "assistant", content: "", ...delta },
      ...{ finish_reason, native_finish_reason: finish_reason, logprobs: null },
    },
  ],
});
const ended = { ...chunk({}), usage: usageWith() };
const called = (index: number, id: string, written: string) => ({
  ...{ index, id, type: "function", function: { name: "add", arguments: written } },
});
const comment = ": OPENROUTER PROCESSING\n\n";
const errorOf = (code: number, message: string, metadata: object = {}) => ({
  error: { code, message, metadata },
  user_id: "user_1",
});
const details = [
  { type: "reasoning.text", text: "6 is 2 times 3", signature: "c2ln", format: "x", index: 0 },
];

const samples: Samples = {
  whole: wholeWith(usageWith()),
  stream: `${comment}${eventsOf(
    chunk({ content: "4" }),
    chunk({ content: "2" }),
    chunk({}, "stop"),
    ended,
  )}`,
  usage: { inputTokens: 194n, outputTokens: 2n },
  asksForUsage: true,
  limitName: "max_tokens",
  twoCalls: `${comment}${eventsOf(
    chunk({ content: null, tool_calls: [called(0, "toolu_1", '{"a":1,')] }),
    chunk({ tool_calls: [{ index: 0, type: "function", function: { arguments: '"b":2}' } }] }),
    chunk({ tool_calls: [called(1, "toolu_2", '{"a":3,"b":4}')] }),
    chunk({}, "tool_calls"),
    ended,
  )}`,
  reasoned: {
    whole: wholeWith(usageWith(), { reasoning: "6 is 2 times 3", reasoning_details: details }),
    shows: { reasoning: "6 is 2 times 3", reasoning_details: details },
  },
  takesReasoning: true,
  cached: {
    whole: wholeWith(
      usageWith({ prompt_tokens_details: { cached_tokens: 100, cache_write_tokens: 50 } }),
    ),
    usage: { inputTokens: 44n, cachedInputTokens: 100n, cacheWriteTokens: 50n },
  },
  encoding: "base64",
  requestMembers: {
    reasoning: { effort: "high" },
    include_reasoning: true,
    transforms: ["middle-out"],
    ...{ top_k: 20, top_a: 0.5, min_p: 0.1, repetition_penalty: 1.1 },
  },
  answerMembers: ["annotations"],
  error: {
    status: 400,
    body: errorOf(400, "Input required: specify messages."),
    words: "Input required: specify messages.",
  },
  quota: { status: 402, body: errorOf(402, "Insufficient credits. Add more.") },
  limited: {
    status: 429,
    headers: { "retry-after": "5" },
    body: errorOf(429, "Rate limit exceeded: free-models-per-min."),
    retryAfterMs: 5_000,
  },
};
const checks = chatCompletionsChecks(samples);

export const openrouter: PresetRows = {
  says: {
    address: "`https://openrouter.ai/api/v1`",
    key: "`authorization: Bearer`",
    "whole answers": "yes",
    streams: "yes; comments are skipped",
    "usage of a stream": "requested with `stream_options`; in the last chunk",
    "name of the output limit": "`max_tokens`",
    tools: "as sent",
    "parallel tool calls": "as sent; each call has an index",
    images: "as sent, by address or as data",
    "JSON schema": "as sent",
    "reasoning shown": "as `reasoning` and `reasoning_details`",
    "reasoning in a history": "as sent",
    "prompt cache classes in usage": "reads (`cached_tokens`) and writes (`cache_write_tokens`)",
    "embeddings and their encoding": "base64",
    "additional members of requests":
      "`reasoning`, `include_reasoning`, `transforms`, `top_k`, `top_a`, `min_p`, `repetition_penalty`",
    "additional members of answers": "`annotations`",
    "form of errors":
      "`error` with `code`, `message` and `metadata`, also in an HTTP 200 or as an event",
    quota: "HTTP 402",
    "rate limits": "HTTP 429 with `retry-after`",
  },
  checks: {
    ...checks,
    "form of errors": async (preset) => {
      await checks["form of errors"](preset);
      const limited = errorOf(429, "Rate limit exceeded", { provider_name: "x" });
      const refusal = { kind: "refused", code: "rate_limited" };
      expect((await preset.call(limited)).end).toMatchObject(refusal);
      const event = await preset.call(eventsOf(limited), { stream: true });
      expect(event.end).toMatchObject(refusal);
    },
  },
};
