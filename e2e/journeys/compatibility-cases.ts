import type OpenAI from "openai";

export type Parameters = Partial<
  Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "stream" | "messages" | "model">
>;
type Message = OpenAI.ChatCompletionMessageParam;

/** A parameter with a value, and another value that may or may not belong to another cache entry. */
export interface PassedCase {
  readonly sent: Parameters;
  readonly other: Parameters;
}

const schemaOf = (...names: readonly string[]): Record<string, unknown> => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  required: names,
  additionalProperties: false,
});
const toolOf = (...names: readonly string[]): OpenAI.ChatCompletionFunctionTool => ({
  type: "function",
  function: { name: "pay", description: "Pays.", parameters: schemaOf(...names), strict: true },
});
const formatOf = (...names: readonly string[]): OpenAI.ResponseFormatJSONSchema => ({
  type: "json_schema",
  json_schema: { name: "verdict", schema: schemaOf(...names), strict: true },
});

export const payTool = toolOf("to", "amount");
export const verdictFormat = formatOf("reason", "answer");
const tools = [payTool];

/** By the parameter's name. Each case gets a text answer, so that the response cache can store it. */
export const passedParameters: Readonly<Record<string, PassedCase>> = {
  frequency_penalty: { sent: { frequency_penalty: -0.5 }, other: { frequency_penalty: 0.5 } },
  logit_bias: { sent: { logit_bias: { "50256": -100 } }, other: { logit_bias: { "50256": -99 } } },
  logprobs: { sent: { logprobs: true }, other: {} },
  max_completion_tokens: {
    sent: { max_completion_tokens: 900 },
    other: { max_completion_tokens: 901 },
  },
  max_tokens: { sent: { max_tokens: 900 }, other: { max_tokens: 901 } },
  metadata: { sent: { metadata: { team: "a" } }, other: { metadata: { team: "b" } } },
  modalities: { sent: { modalities: ["text"] }, other: {} },
  n: { sent: { n: 2 }, other: { n: 3 } },
  parallel_tool_calls: {
    sent: { tools, parallel_tool_calls: false },
    other: { tools, parallel_tool_calls: true },
  },
  presence_penalty: { sent: { presence_penalty: 2 }, other: { presence_penalty: 1 } },
  prompt_cache_key: { sent: { prompt_cache_key: "k1" }, other: { prompt_cache_key: "k2" } },
  prompt_cache_retention: {
    sent: { prompt_cache_retention: "24h" },
    other: { prompt_cache_retention: "in_memory" },
  },
  reasoning_effort: { sent: { reasoning_effort: "max" }, other: { reasoning_effort: "none" } },
  response_format: {
    sent: { response_format: verdictFormat },
    other: { response_format: formatOf("answer", "reason") },
  },
  safety_identifier: { sent: { safety_identifier: "s1" }, other: { safety_identifier: "s2" } },
  seed: { sent: { seed: 7 }, other: { seed: 8 } },
  service_tier: { sent: { service_tier: "auto" }, other: { service_tier: "default" } },
  stop: { sent: { stop: ["\n\n", "END"] }, other: { stop: "END" } },
  store: { sent: { store: true }, other: { store: false } },
  temperature: { sent: { temperature: 0.2 }, other: { temperature: 0.3 } },
  tool_choice: {
    sent: { tools, tool_choice: "none" },
    other: {
      tools,
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "pay" } }] },
      },
    },
  },
  tools: { sent: { tools }, other: { tools: [toolOf("amount", "to")] } },
  top_logprobs: {
    sent: { logprobs: true, top_logprobs: 2 },
    other: { logprobs: true, top_logprobs: 3 },
  },
  top_p: { sent: { top_p: 0.9 }, other: { top_p: 0.8 } },
  user: { sent: { user: "u1" }, other: { user: "u2" } },
  verbosity: { sent: { verbosity: "low" }, other: { verbosity: "high" } },
};

/** By the parameter's name, with a value as a client would send it. */
export const refusedParameters: Readonly<Record<string, unknown>> = {
  audio: { voice: "alloy", format: "wav" },
  function_call: "auto",
  functions: [{ name: "pay" }],
  moderation: { model: "omni-moderation-latest" },
  prediction: { type: "content", content: "x" },
  prompt_cache_options: { mode: "explicit" },
  web_search_options: {},
  anything_else: 1,
};

export interface MessageCase {
  readonly sent: readonly Message[];
  /** The messages that the provider receives, if they differ from those that were sent. */
  readonly arrives?: readonly object[];
  /** The same messages with another value of the member. They must have another cache entry. */
  readonly other: readonly Message[];
}

const text = { type: "text" as const, text: "What is this?" };
/** A turn of a model that reasons. The client's types do not know the member, and pass it on. */
const reasoned = (reasoning: string): Message => {
  const turn = { role: "assistant" as const, content: "42", reasoning_content: reasoning };
  return turn;
};
const imageAt = (url: string): OpenAI.ChatCompletionContentPartImage => ({
  type: "image_url",
  image_url: { url, detail: "high" },
});
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const call = {
  id: "call_1",
  type: "function" as const,
  function: { name: "pay", arguments: '{"to":"ann","amount":"1"}' },
};

/** By the row's name. The tests put a user message before these messages. */
export const passedMessages: Readonly<Record<string, MessageCase>> = {
  role: {
    sent: [
      { role: "system", content: "Be brief." },
      { role: "developer", content: "Be kind." },
      { role: "assistant", content: "I am." },
      { role: "user", content: "Good." },
    ],
    other: [
      { role: "developer", content: "Be brief." },
      { role: "developer", content: "Be kind." },
      { role: "assistant", content: "I am." },
      { role: "user", content: "Good." },
    ],
  },
  "content as text": {
    sent: [{ role: "user", content: "Grüße, 世界 👋\u0000\u001F" }],
    other: [{ role: "user", content: "Grüße, 世界 👋\u0000" }],
  },
  "content as one text part": {
    sent: [{ role: "user", content: [text] }],
    arrives: [{ role: "user", content: text.text }],
    other: [{ role: "user", content: `${text.text} ` }],
  },
  "content as parts": {
    sent: [{ role: "user", content: [text, { type: "text", text: "Say." }] }],
    other: [{ role: "user", content: `${text.text}Say.` }],
  },
  "part image_url, by URL": {
    sent: [{ role: "user", content: [text, imageAt("https://example.org/a.png?b=c&d")] }],
    other: [{ role: "user", content: [text, imageAt("https://example.org/a.png?b=c&e")] }],
  },
  "part image_url, by data": {
    sent: [{ role: "user", content: [imageAt(pixel), text] }],
    other: [{ role: "user", content: [imageAt(pixel.replace("iVB", "iVC")), text] }],
  },
  "part refusal": {
    sent: [{ role: "assistant", content: [{ type: "refusal", refusal: "I cannot." }] }],
    other: [{ role: "assistant", content: "I cannot." }],
  },
  name: {
    sent: [
      { role: "system", name: "house", content: "Be brief." },
      { role: "user", name: "ann", content: "Hello." },
    ],
    other: [
      { role: "system", name: "house", content: "Be brief." },
      { role: "user", name: "bob", content: "Hello." },
    ],
  },
  "tool_calls, tool_call_id": {
    sent: [
      { role: "assistant", content: null, tool_calls: [call, { ...call, id: "call_2" }] },
      { role: "tool", tool_call_id: "call_1", content: '{"paid":true}' },
      { role: "tool", tool_call_id: "call_2", content: [text, text] },
    ],
    other: [
      { role: "assistant", content: null, tool_calls: [call, { ...call, id: "call_2" }] },
      { role: "tool", tool_call_id: "call_2", content: '{"paid":true}' },
      { role: "tool", tool_call_id: "call_1", content: [text, text] },
    ],
  },
  reasoning_content: {
    sent: [reasoned("6 times 7")],
    other: [reasoned("5 times 8 and 2")],
  },
  refusal: {
    sent: [{ role: "assistant", content: null, refusal: "I cannot." }],
    arrives: [{ role: "assistant", content: [{ type: "refusal", refusal: "I cannot." }] }],
    other: [{ role: "assistant", content: "I cannot." }],
  },
};

export interface RefusedMessage {
  readonly message: unknown;
  /** The path of the refused member within the message. */
  readonly param: string;
  readonly code: "invalid_value" | "unknown_parameter" | "unsupported_parameter";
}

/** By the row's name. */
export const refusedMessages: Readonly<Record<string, RefusedMessage>> = {
  "part input_audio": {
    message: {
      role: "user",
      content: [{ type: "input_audio", input_audio: { data: "AA==", format: "wav" } }],
    },
    param: "content.0.type",
    code: "invalid_value",
  },
  "part file": {
    message: { role: "user", content: [text, { type: "file", file: { file_id: "f" } }] },
    param: "content.1.type",
    code: "invalid_value",
  },
  "tool_calls of type custom": {
    message: {
      role: "assistant",
      tool_calls: [{ id: "c", type: "custom", custom: { name: "sh", input: "ls" } }],
    },
    param: "tool_calls.0.type",
    code: "invalid_value",
  },
  annotations: {
    message: { role: "assistant", content: "x", annotations: [{ type: "url_citation" }] },
    param: "annotations",
    code: "invalid_value",
  },
  "audio of an assistant": {
    message: { role: "assistant", audio: { id: "a" } },
    param: "audio",
    code: "unsupported_parameter",
  },
  "function_call of a message": {
    message: { role: "assistant", function_call: { name: "pay", arguments: "{}" } },
    param: "function_call",
    code: "unsupported_parameter",
  },
  "role function": {
    message: { role: "function", name: "pay", content: "1" },
    param: "role",
    code: "invalid_value",
  },
  "any other member": {
    message: { role: "user", content: "x", weight: 1 },
    param: "weight",
    code: "unknown_parameter",
  },
};
