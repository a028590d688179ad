import { expect } from "vitest";
import { chatCompletionsChecks, type Samples } from "./chat-completions-checks.fixture.ts";
import { eventsOf } from "./declared-preset.fixture.ts";
import type { PresetRows } from "./preset-rows.fixture.ts";

/*
 * "OpenAI compatibility", https://docs.ollama.com/api/openai-compatibility, the forms in openai/openai.go, and "How do I
 * manage the maximum number of requests the Ollama server can queue?" of its FAQ.
 */

const envelope = { id: "chatcmpl-641", created: 1_763_000_000, model: "llama3.1" };
const usage = { prompt_tokens: 26, completion_tokens: 3, total_tokens: 29 };
const wholeWith = (more: object = {}) => ({
  ...{ ...envelope, object: "chat.completion", system_fingerprint: "fp_ollama", usage },
  choices: [
    { index: 0, message: { role: "assistant", content: "42", ...more }, finish_reason: "stop" },
  ],
});
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...{ ...envelope, object: "chat.completion.chunk", system_fingerprint: "fp_ollama" },
  choices: [{ index: 0, delta: { role: "assistant", content: "", ...delta }, finish_reason }],
});
const ended = { ...envelope, object: "chat.completion.chunk", choices: [], usage };
const called = (index: number, id: string, written: string) => ({
  ...{ id, index, type: "function", function: { name: "add", arguments: written } },
});
const errorOf = (message: string, type: string) => ({
  error: { message, type, param: null, code: null },
});

const samples: Samples = {
  whole: wholeWith(),
  stream: eventsOf(chunk({ content: "4" }), chunk({ content: "2" }), chunk({}, "stop"), ended),
  usage: { inputTokens: 26n, outputTokens: 3n },
  asksForUsage: true,
  limitName: "max_tokens",
  twoCalls: eventsOf(
    chunk({ tool_calls: [called(0, "call_1", '{"a":1,"b":2}')] }),
    chunk({ tool_calls: [called(1, "call_2", '{"a":3,"b":4}')] }),
    chunk({}, "tool_calls"),
    ended,
  ),
  reasoned: {
    whole: wholeWith({ reasoning: "6 is 2 times 3" }),
    shows: { reasoning: "6 is 2 times 3" },
  },
  takesReasoning: true,
  cached: { whole: wholeWith(), usage: { cachedInputTokens: null, cacheWriteTokens: null } },
  encoding: "base64",
  requestMembers: { reasoning: { effort: "low" } },
  answerMembers: [],
  error: {
    status: 400,
    body: errorOf("invalid image input", "invalid_request_error"),
    words: "invalid image input",
  },
  quota: { status: 402, body: errorOf("payment required", "api_error") },
  limited: { status: 429, body: errorOf("too many requests", "api_error"), retryAfterMs: null },
};
const checks = chatCompletionsChecks(samples);

export const ollama: PresetRows = {
  says: {
    address: "`http://127.0.0.1:11434/v1`",
    key: "`authorization: Bearer`, which Ollama does not check",
    "whole answers": "yes",
    streams: "yes",
    "usage of a stream": "requested with `stream_options`; in the last chunk",
    "name of the output limit": "`max_tokens`",
    tools: "as sent",
    "parallel tool calls": "as sent, and ignored; each call has an index",
    images: "as sent; Ollama takes only data",
    "JSON schema": "as sent",
    "reasoning shown": "as `reasoning`",
    "reasoning in a history": "as sent",
    "prompt cache classes in usage": "none",
    "embeddings and their encoding": "base64; numbers, which older versions send, are read too",
    "additional members of requests": "`reasoning`",
    "additional members of answers": "none",
    "form of errors": "`error` with `message`, `type`, `param` and `code`",
    quota: "none on your own machine; HTTP 402 of a gateway in front of it",
    "rate limits": "HTTP 503 if its queue is full, and HTTP 429 of a gateway in front of it",
  },
  checks: {
    ...checks,
    "embeddings and their encoding": async (preset) => {
      await checks["embeddings and their encoding"](preset);
      const data = [{ object: "embedding", index: 0, embedding: [0.5, -0.25] }];
      const { end } = await preset.call({ object: "list", data, model: "m" }, { inputs: ["a"] });
      expect(end).toMatchObject({ kind: "answered" });
    },
    "rate limits": async (preset) => {
      await checks["rate limits"](preset);
      const body = errorOf("server busy, please try again", "api_error");
      const { end } = await preset.call({ status: 503, body });
      expect(end).toMatchObject({ kind: "refused", code: "server_error" });
    },
  },
};
