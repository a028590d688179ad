import { chatCompletionsChecks, type Samples } from "./chat-completions-checks.fixture.ts";
import { eventsOf } from "./declared-preset.fixture.ts";
import type { PresetRows } from "./preset-rows.fixture.ts";

/*
 * "Chat Completion", https://docs.mistral.ai/api, "Reasoning" and "Prompt caching" of its guides. The page has no
 * `stream_options`, which are refused (github.com/dnakov/anon-kode/issues/53).
 */

const envelope = { id: "cmpl-e5cc70bb", created: 1_702_256_327, model: "mistral-small-latest" };
const usage = { prompt_tokens: 16, completion_tokens: 34, total_tokens: 50 };
const wholeWith = (content: unknown, counted: object = usage) => ({
  ...{ ...envelope, object: "chat.completion", usage: counted },
  choices: [
    {
      index: 0,
      message: { role: "assistant", content, tool_calls: null, prefix: false },
      finish_reason: "stop",
    },
  ],
});
const chunk = (delta: object, finish_reason: string | null = null, more: object = {}) => ({
  ...{ ...envelope, object: "chat.completion.chunk", ...more },
  choices: [{ index: 0, delta, finish_reason }],
});
const called = (index: number, id: string, written: string) => ({
  ...{ index, id, function: { name: "add", arguments: written } },
});

const samples: Samples = {
  whole: wholeWith("42"),
  stream: eventsOf(
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "4" }),
    chunk({ content: "2" }, "stop", { usage }),
  ),
  usage: { inputTokens: 16n, outputTokens: 34n },
  asksForUsage: false,
  limitName: "max_tokens",
  twoCalls: eventsOf(
    chunk({ role: "assistant", content: "" }),
    chunk(
      {
        content: "",
        tool_calls: [
          called(0, "D681PevKs", '{"a":1,"b":2}'),
          called(1, "x7Fgh2Kq1", '{"a":3,"b":4}'),
        ],
      },
      "tool_calls",
      { usage },
    ),
  ),
  reasoned: {
    whole: wholeWith([
      { type: "thinking", thinking: [{ type: "text", text: "6 is 2 times 3" }] },
      { type: "text", text: "42" },
    ]),
    shows: { reasoning_content: "6 is 2 times 3" },
  },
  takesReasoning: false,
  cached: {
    whole: wholeWith("42", { ...usage, prompt_tokens_details: { cached_tokens: 12 } }),
    usage: { inputTokens: 4n, cachedInputTokens: 12n, cacheWriteTokens: null },
  },
  encoding: "float",
  requestMembers: { safe_prompt: true, random_seed: 7, prompt_mode: "reasoning" },
  answerMembers: [],
  error: {
    status: 422,
    body: {
      object: "error",
      message: {
        detail: [
          {
            ...{ type: "extra_forbidden", loc: ["body", "top_k"] },
            ...{ msg: "Extra inputs are not permitted", input: 5 },
          },
        ],
      },
      ...{ type: "invalid_request_error", param: null, code: null },
    },
    words: "top_k: Extra inputs are not permitted",
  },
  quota: { status: 402, body: { message: "Payment required" } },
  limited: {
    status: 429,
    body: {
      ...{ object: "error", message: "Rate limit exceeded", type: "rate_limited" },
      ...{ param: null, code: "1300", raw_status_code: 429 },
    },
    retryAfterMs: null,
  },
};

export const mistral: PresetRows = {
  says: {
    address: "`https://api.mistral.ai/v1`",
    key: "`authorization: Bearer`",
    "whole answers": "yes",
    streams: "yes",
    "usage of a stream": "not requested, because `stream_options` are refused; in the last chunk",
    "name of the output limit": "`max_tokens`",
    tools: "as sent",
    "parallel tool calls": "as sent; each call has an index",
    images: "as sent, by address or as data",
    "JSON schema": "as sent",
    "reasoning shown": "as `reasoning_content`, from the parts `thinking` of the content",
    "reasoning in a history": "not sent, because unknown members are refused",
    "prompt cache classes in usage": "reads (`cached_tokens`)",
    "embeddings and their encoding": "numbers",
    "additional members of requests": "`safe_prompt`, `random_seed`, `prompt_mode`",
    "additional members of answers": "none",
    "form of errors": "a `message`, which may list the problems of single members",
    quota: "HTTP 402",
    "rate limits": "HTTP 429, without a time to wait",
  },
  checks: chatCompletionsChecks(samples),
};
