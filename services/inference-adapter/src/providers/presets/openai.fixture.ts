import { chatCompletionsChecks, type Samples } from "./chat-completions-checks.fixture.ts";
import { eventsOf } from "./declared-preset.fixture.ts";
import type { PresetRows } from "./preset-rows.fixture.ts";

/* "Create chat completion", https://platform.openai.com/docs/api-reference/chat/create, and "Error codes" of its guides. */

const envelope = { id: "chatcmpl-1", created: 1_741_569_952, model: "gpt-4.1-2025-04-14" };
const usageWith = (cached: number, reasoned: number) => ({
  ...{ prompt_tokens: 19, completion_tokens: 10, total_tokens: 29 },
  prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
  completion_tokens_details: {
    ...{ reasoning_tokens: reasoned, audio_tokens: 0 },
    ...{ accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  },
});
const wholeWith = (usage: object) => ({
  ...{ ...envelope, object: "chat.completion", service_tier: "default", usage },
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "42", refusal: null, annotations: [] },
      ...{ logprobs: null, finish_reason: "stop" },
    },
  ],
});
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...{ ...envelope, object: "chat.completion.chunk", usage: null },
  choices: [{ index: 0, delta, logprobs: null, finish_reason }],
});
const ended = { ...envelope, object: "chat.completion.chunk", choices: [], usage: usageWith(0, 0) };
const begun = (index: number, id: string) => ({
  ...{ index, id, type: "function", function: { name: "add", arguments: "" } },
});
const text = (index: number, written: string) => ({ index, function: { arguments: written } });

const samples: Samples = {
  whole: wholeWith(usageWith(0, 0)),
  stream: eventsOf(
    chunk({ role: "assistant", content: "", refusal: null }),
    chunk({ content: "4" }),
    chunk({ content: "2" }),
    chunk({}, "stop"),
    ended,
  ),
  usage: { inputTokens: 19n, cachedInputTokens: 0n, outputTokens: 10n, reasoningTokens: 0n },
  asksForUsage: true,
  limitName: "max_completion_tokens",
  twoCalls: eventsOf(
    chunk({ role: "assistant", content: null, tool_calls: [begun(0, "call_1")] }),
    chunk({ tool_calls: [text(0, '{"a":1,')] }),
    chunk({ tool_calls: [text(0, '"b":2}')] }),
    chunk({ tool_calls: [begun(1, "call_2")] }),
    chunk({ tool_calls: [text(1, '{"a":3,"b":4}')] }),
    chunk({}, "tool_calls"),
    ended,
  ),
  reasoned: {
    whole: wholeWith(usageWith(0, 8)),
    shows: {},
    usage: { outputTokens: 2n, reasoningTokens: 8n },
  },
  takesReasoning: false,
  cached: {
    whole: wholeWith(usageWith(16, 0)),
    usage: { inputTokens: 3n, cachedInputTokens: 16n, cacheWriteTokens: null },
  },
  encoding: "base64",
  requestMembers: {},
  answerMembers: [],
  error: {
    status: 400,
    body: {
      error: {
        ...{ message: "Invalid value: 'x'.", type: "invalid_request_error" },
        ...{ param: "tool_choice", code: "invalid_value" },
      },
    },
    words: "Invalid value: 'x'. (tool_choice)",
  },
  quota: {
    status: 429,
    body: {
      error: {
        ...{ message: "You exceeded your current quota.", type: "insufficient_quota" },
        ...{ param: null, code: "insufficient_quota" },
      },
    },
  },
  limited: {
    status: 429,
    headers: { "retry-after": "2" },
    body: {
      error: {
        ...{ message: "Rate limit reached.", type: "requests" },
        ...{ param: null, code: "rate_limit_exceeded" },
      },
    },
    retryAfterMs: 2_000,
  },
};

export const openai: PresetRows = {
  says: {
    address: "`https://api.openai.com/v1`",
    key: "`authorization: Bearer`",
    "whole answers": "yes",
    streams: "yes",
    "usage of a stream": "requested with `stream_options`; in the last chunk",
    "name of the output limit": "`max_completion_tokens`",
    tools: "as sent",
    "parallel tool calls": "as sent; each call has an index",
    images: "as sent, by address or as data",
    "JSON schema": "as sent",
    "reasoning shown":
      "no; its tokens are in the usage. Declare `hidesReasoning` for a model that reasons",
    "reasoning in a history": "not sent, because unknown members are refused",
    "prompt cache classes in usage": "reads (`cached_tokens`)",
    "embeddings and their encoding": "base64",
    "additional members of requests": "none",
    "additional members of answers": "none",
    "form of errors": "`error` with `message`, `type`, `param` and `code`",
    quota: "HTTP 429 with `insufficient_quota`",
    "rate limits": "HTTP 429 with `retry-after`",
  },
  checks: chatCompletionsChecks(samples),
};
