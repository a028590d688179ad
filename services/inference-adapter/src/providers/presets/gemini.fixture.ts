import { expect } from "vitest";
import { chatCompletionsChecks, type Samples } from "./chat-completions-checks.fixture.ts";
import { eventsOf } from "./declared-preset.fixture.ts";
import type { PresetRows } from "./preset-rows.fixture.ts";

/*
 * "OpenAI compatibility", https://ai.google.dev/gemini-api/docs/openai, and "Troubleshooting" for the errors, which the
 * endpoint wraps in a list (github.com/n4ze3m/page-assist/issues/406).
 */

const envelope = { id: "r8Zn", created: 1_763_000_000, model: "gemini-3-flash" };
/** Thinking is only in the total. */
const usageWith = (total: number, more: object = {}) => ({
  ...{ prompt_tokens: 12, completion_tokens: 2, total_tokens: total, ...more },
});
const wholeWith = (usage: object) => ({
  ...{ ...envelope, object: "chat.completion", usage },
  choices: [{ index: 0, message: { role: "assistant", content: "42" }, finish_reason: "stop" }],
});
const chunk = (delta: object, finish_reason?: string) => ({
  ...{ ...envelope, object: "chat.completion.chunk", usage: usageWith(14) },
  choices: [{ index: 0, delta, ...(finish_reason && { finish_reason }) }],
});
/** Parallel calls have the same index. The first has the signature of the thought that led to them. */
const called = (id: string, written: string, more: object = {}) => ({
  ...{ index: 0, id, type: "function", function: { name: "add", arguments: written }, ...more },
});
const signature = { extra_content: { google: { thought_signature: "c2ln" } } };
const refused = (code: number, status: string, message: string) => ({
  status: code,
  body: [{ error: { code, message, status } }],
});

const samples: Samples = {
  whole: wholeWith(usageWith(14)),
  stream: eventsOf(chunk({ role: "assistant", content: "4" }), chunk({ content: "2" }, "stop")),
  usage: { inputTokens: 12n, outputTokens: 2n },
  asksForUsage: true,
  limitName: "max_tokens",
  twoCalls: eventsOf(
    chunk({ role: "assistant", tool_calls: [called("f1", '{"a":1,"b":2}', signature)] }),
    chunk({ role: "assistant", tool_calls: [called("f2", '{"a":3,"b":4}')] }, "tool_calls"),
  ),
  reasoned: { whole: wholeWith(usageWith(50)), shows: {}, usage: { outputTokens: 38n } },
  takesReasoning: false,
  cached: {
    whole: wholeWith(usageWith(14, { prompt_tokens_details: { cached_tokens: 8 } })),
    usage: { inputTokens: 4n, cachedInputTokens: 8n, cacheWriteTokens: null },
  },
  encoding: "float",
  requestMembers: {},
  answerMembers: [],
  error: {
    ...refused(400, "INVALID_ARGUMENT", 'Unknown name "x": Cannot find field.'),
    words: 'Unknown name "x": Cannot find field.',
  },
  quota: refused(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
  limited: {
    status: 429,
    body: [
      {
        error: {
          ...{ code: 429, message: "Resource exhausted.", status: "RESOURCE_EXHAUSTED" },
          details: [
            { "@type": "type.googleapis.com/google.rpc.Help", links: [] },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.5s" },
          ],
        },
      },
    ],
    retryAfterMs: 34_500,
  },
};

export const gemini: PresetRows = {
  says: {
    address: "`https://generativelanguage.googleapis.com/v1beta/openai`",
    key: "`authorization: Bearer`",
    "whole answers": "yes",
    streams: "yes",
    "usage of a stream":
      "requested with `stream_options`; in each chunk, counted from the beginning",
    "name of the output limit": "`max_tokens`",
    tools: "as sent; the signature of a thought (`extra_content`) stays with its call",
    "parallel tool calls": "as sent; they have one index, and their ids distinguish them",
    images: "as sent, by address or as data",
    "JSON schema": "as sent",
    "reasoning shown":
      "no; its tokens are only in the total of the usage, and are charged as output",
    "reasoning in a history": "not sent, because unknown members are refused",
    "prompt cache classes in usage": "reads (`cached_tokens`)",
    "embeddings and their encoding": "numbers, because base64 is refused",
    "additional members of requests": "none",
    "additional members of answers": "none",
    "form of errors": "a list of one `error` with `code`, `message` and `status`",
    quota: "handled as a rate limit, because both are HTTP 429 with `RESOURCE_EXHAUSTED`",
    "rate limits": "HTTP 429 with `RESOURCE_EXHAUSTED` and the time to wait in its details",
  },
  checks: {
    ...chatCompletionsChecks(samples),
    quota: async (preset) => {
      const { end } = await preset.call(samples.quota);
      expect(end).toMatchObject({ kind: "refused", code: "rate_limited" });
    },
  },
};
