import type { Dialect, Protocol } from "./declarations.ts";

/** What Sluice knows of a provider, so that an operator does not have to find it out. */
export interface Preset {
  readonly baseUrl: string;
  readonly protocol: Protocol;
  /** Only in what it differs from the plain dialect. */
  readonly dialect: Partial<Dialect>;
}

export const presetNames = [
  "openai",
  "anthropic",
  "gemini",
  "mistral",
  "vllm",
  "ollama",
  "openrouter",
] as const;
export type PresetName = (typeof presetNames)[number];

/**
 * Additional members of requests are here only if they cannot make the provider charge for more than the request and the
 * limit of its answers at the declared price, because a reservation covers no more. OpenRouter's `models`, `provider` and
 * `plugins` are missing: they choose another model, or a host with other prices, or a search with a price of its own.
 * Gemini's `extra_body` is missing: its `google.cached_content` bills content that is not in the request, and can name
 * that of another tenant, because a cache belongs to the project of the operator. An operator can declare them.
 */
const presets: Readonly<Record<PresetName, Preset>> = {
  /**
   * "Create chat completion", https://platform.openai.com/docs/api-reference/chat/create: `max_tokens` is deprecated, and
   * the o-series refuses it. Messages of an assistant have no member for reasoning, and unknown members are refused.
   */
  openai: {
    baseUrl: "https://api.openai.com/v1",
    protocol: "openai",
    dialect: { outputLimitParameter: "max_completion_tokens", reasoningInHistory: false },
  },
  /** "Create a Message", https://platform.claude.com/docs/en/api/messages/create. */
  anthropic: {
    baseUrl: "https://api.anthropic.com",
    protocol: "anthropic",
    dialect: { requestMembers: ["top_k"] },
  },
  /**
   * "OpenAI compatibility", https://ai.google.dev/gemini-api/docs/openai, for the address. "Using OpenAI libraries
   * with Vertex AI" of Google Cloud lists `max_tokens`, with `max_completion_tokens` as its alias. The endpoint refuses
   * members that it does not know (HTTP 400, "Unknown name"), and base64 (github.com/RooCodeInc/Roo-Code/issues/7761).
   */
  gemini: {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    protocol: "openai",
    dialect: {
      outputLimitParameter: "max_tokens",
      embeddingEncoding: "float",
      reasoningInHistory: false,
    },
  },
  /**
   * "Chat Completion" and "Embeddings", https://docs.mistral.ai/api: the body has no `stream_options` and no
   * `max_completion_tokens`, and the last chunk of a stream has the usage without being asked. Members that the page does
   * not list are refused with HTTP 422, also in a history (github.com/BerriAI/litellm/issues/30835).
   */
  mistral: {
    baseUrl: "https://api.mistral.ai/v1",
    protocol: "openai",
    dialect: {
      outputLimitParameter: "max_tokens",
      streamOptions: false,
      embeddingEncoding: "float",
      reasoningInHistory: false,
      requestMembers: ["safe_prompt", "random_seed", "prompt_mode"],
    },
  },
  /**
   * "OpenAI-Compatible Server", https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, with its extra
   * parameters. Every version takes `max_tokens`; the first ones ignore `max_completion_tokens`, and would not limit an
   * answer. `chat_template` is missing, because it is a program that the server would run.
   */
  vllm: {
    baseUrl: "http://127.0.0.1:8000/v1",
    protocol: "openai",
    dialect: {
      outputLimitParameter: "max_tokens",
      requestMembers: [
        "chat_template_kwargs",
        "documents",
        "add_generation_prompt",
        "continue_final_message",
        "top_k",
        "min_p",
        "repetition_penalty",
        "min_tokens",
        "bad_words",
        "stop_token_ids",
        "include_stop_str_in_output",
        "skip_special_tokens",
        "truncate_prompt_tokens",
        "structured_outputs",
        "include_reasoning",
        "thinking_token_budget",
      ],
    },
  },
  /**
   * "OpenAI compatibility", https://docs.ollama.com/api/openai-compatibility: of the two names of the limit only
   * `max_tokens` is listed, and the server ignores what it does not know. Versions that do not know base64 answer with
   * numbers, which the adapter reads too.
   */
  ollama: {
    baseUrl: "http://127.0.0.1:11434/v1",
    protocol: "openai",
    dialect: { outputLimitParameter: "max_tokens", requestMembers: ["reasoning"] },
  },
  /**
   * "API Reference", https://openrouter.ai/docs/api-reference/overview, and "Parameters" next to it: `max_tokens`, and
   * the additional parameters. "Reasoning Tokens", https://openrouter.ai/docs/use-cases/reasoning-tokens: a history may
   * have `reasoning` and `reasoning_details`. Embeddings may be base64 ("EncodingFormat" of the SDKs).
   */
  openrouter: {
    baseUrl: "https://openrouter.ai/api/v1",
    protocol: "openai",
    dialect: {
      outputLimitParameter: "max_tokens",
      requestMembers: [
        "reasoning",
        "include_reasoning",
        "transforms",
        "top_k",
        "top_a",
        "min_p",
        "repetition_penalty",
      ],
      answerMembers: ["annotations"],
    },
  },
};

export function presetOf(name: PresetName | undefined): Preset | undefined {
  return name && presets[name];
}
