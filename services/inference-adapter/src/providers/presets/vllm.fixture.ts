import { chatCompletionsChecks, type Samples } from "./chat-completions-checks.fixture.ts";
import { eventsOf } from "./declared-preset.fixture.ts";
import type { PresetRows } from "./preset-rows.fixture.ts";

/*
 * "OpenAI-Compatible Server", "Reasoning Outputs" and "Tool Calling", https://docs.vllm.ai/en/latest, and the forms in
 * vllm/entrypoints/openai/chat_completion/protocol.py.
 */

const envelope = { id: "chatcmpl-2c1f", created: 1_763_000_000, model: "served-chat" };
const usageWith = (prompt_tokens_details: object | null) => ({
  ...{ prompt_tokens: 30, total_tokens: 40, completion_tokens: 10, prompt_tokens_details },
});
const wholeWith = (usage: object, more: object = {}) => ({
  ...{ ...envelope, object: "chat.completion", usage, prompt_logprobs: null },
  choices: [
    {
      index: 0,
      message: {
        ...{ role: "assistant", content: "42", refusal: null, annotations: null, audio: null },
        ...{ function_call: null, reasoning: null, ...more },
      },
      ...{ logprobs: null, finish_reason: "stop", stop_reason: null, token_ids: null },
    },
  ],
});
const chunk = (delta: object, finish_reason: string | null = null) => ({
  ...{ ...envelope, object: "chat.completion.chunk" },
  choices: [{ index: 0, delta, logprobs: null, finish_reason }],
});
const ended = { ...envelope, object: "chat.completion.chunk", choices: [], usage: usageWith(null) };
const begun = (index: number, id: string) => ({
  ...{ index, id, type: "function", function: { name: "add" } },
});
const text = (index: number, written: string) => ({ index, function: { arguments: written } });

const samples: Samples = {
  whole: wholeWith(usageWith(null)),
  stream: eventsOf(
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "4" }),
    chunk({ content: "2" }, "stop"),
    ended,
  ),
  usage: { inputTokens: 30n, outputTokens: 10n },
  asksForUsage: true,
  limitName: "max_tokens",
  twoCalls: eventsOf(
    chunk({ role: "assistant", content: "" }),
    chunk({ tool_calls: [begun(0, "chatcmpl-tool-1")] }),
    chunk({ tool_calls: [text(0, '{"a": 1, "b": 2}')] }),
    chunk({ tool_calls: [begun(1, "chatcmpl-tool-2")] }),
    chunk({ tool_calls: [text(1, '{"a": 3, "b": 4}')] }),
    chunk({}, "tool_calls"),
    ended,
  ),
  reasoned: {
    whole: wholeWith(usageWith(null), { reasoning: "6 is 2 times 3" }),
    shows: { reasoning: "6 is 2 times 3" },
  },
  takesReasoning: true,
  cached: {
    whole: wholeWith(usageWith({ cached_tokens: 16 })),
    usage: { inputTokens: 14n, cachedInputTokens: 16n, cacheWriteTokens: null },
  },
  encoding: "base64",
  requestMembers: {
    chat_template_kwargs: { enable_thinking: false },
    documents: [{ title: "a", text: "b" }],
    add_generation_prompt: true,
    continue_final_message: false,
    ...{ top_k: 20, min_p: 0.1, repetition_penalty: 1.1, min_tokens: 1 },
    ...{ bad_words: ["x"], stop_token_ids: [2], include_stop_str_in_output: true },
    ...{ skip_special_tokens: true, truncate_prompt_tokens: -1 },
    structured_outputs: { choice: ["42", "43"] },
    ...{ include_reasoning: true, thinking_token_budget: 100 },
  },
  answerMembers: [],
  error: {
    status: 400,
    body: {
      error: {
        message: "top_p must be in (0, 1].",
        type: "BadRequestError",
        param: null,
        code: 400,
      },
    },
    words: "top_p must be in (0, 1].",
  },
  quota: { status: 402, body: { detail: "Payment required" } },
  limited: {
    status: 429,
    headers: { "retry-after": "1" },
    body: { detail: "Too many requests" },
    retryAfterMs: 1_000,
  },
};

export const vllm: PresetRows = {
  says: {
    address: "`http://127.0.0.1:8000/v1`",
    key: "`authorization: Bearer`",
    "whole answers": "yes",
    streams: "yes",
    "usage of a stream": "requested with `stream_options`; in the last chunk",
    "name of the output limit": "`max_tokens`",
    tools: "as sent",
    "parallel tool calls": "as sent; each call has an index",
    images: "as sent, by address or as data",
    "JSON schema": "as sent",
    "reasoning shown": "as `reasoning`",
    "reasoning in a history": "as sent",
    "prompt cache classes in usage":
      "reads (`cached_tokens`), if the server is started with `--enable-prompt-tokens-details`",
    "embeddings and their encoding": "base64",
    "additional members of requests":
      "`chat_template_kwargs`, `documents`, `add_generation_prompt`, `continue_final_message`, `top_k`, `min_p`, `repetition_penalty`, `min_tokens`, `bad_words`, `stop_token_ids`, `include_stop_str_in_output`, `skip_special_tokens`, `truncate_prompt_tokens`, `structured_outputs`, `include_reasoning`, `thinking_token_budget`",
    "additional members of answers": "none",
    "form of errors": "`error` with `message`, `type`, `param` and `code`",
    quota: "none of its own; HTTP 402 of a gateway in front of it",
    "rate limits": "none of its own; HTTP 429 of a gateway in front of it",
  },
  checks: chatCompletionsChecks(samples),
};
