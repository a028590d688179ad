import { z } from "zod";
import { unsupported } from "./unsupported.ts";

const penalty = z.number().min(-2).max(2);
const outputTokens = z.number().int().min(1).max(1_000_000);
const label = z.string().max(512).nullish();
/** The provider checks the content of a schema. It receives the members in the order in which the client sent them. */
const schema = z.record(z.string(), z.unknown());

/** The limits of OpenAI. */
const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((given) => Object.keys(given).length <= 16, "it may have at most 16 entries");

const tool = z.looseObject({
  type: z.literal("function", { error: "only tools of type 'function' are supported" }),
  function: z.looseObject({
    name: z.string().min(1).max(64),
    parameters: schema.nullish(),
  }),
});

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({ type: z.enum(["function", "allowed_tools"]) }),
]);

const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({
      name: z.string().min(1).max(64),
      schema: schema.optional(),
    }),
  }),
]);

/**
 * The parameters that are passed to the provider, under their OpenAI names, and those that are
 * refused with a reason. Every other name is refused too, because an answer without a parameter
 * that the client set is a wrong answer. `docs/reference/openai.md` lists them all.
 */
export const parameters = z.strictObject({
  audio: unsupported("model prices have no rate for sound"),
  frequency_penalty: penalty.nullish(),
  function_call: unsupported("it is OpenAI's former name; use 'tool_choice'"),
  functions: unsupported("it is OpenAI's former name; use 'tools'"),
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  logprobs: z.boolean().nullish(),
  max_completion_tokens: outputTokens.nullish(),
  max_tokens: outputTokens.nullish(),
  metadata: metadata.nullish(),
  modalities: z.array(z.enum(["text"])).nullish(),
  moderation: unsupported("answers have no field for its result"),
  n: z.number().int().min(1).max(16).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  prediction: unsupported("rejected predictions cost more than the output limit reserves"),
  presence_penalty: penalty.nullish(),
  prompt_cache_key: label,
  prompt_cache_options: unsupported("requested cache writes have a separate price"),
  prompt_cache_retention: z.enum(["in_memory", "in-memory", "24h"]).nullish(),
  reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).nullish(),
  response_format: responseFormat.nullish(),
  safety_identifier: label,
  seed: z.number().int().nullish(),
  service_tier: z.enum(["auto", "default"]).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  store: z.boolean().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  tool_choice: toolChoice.nullish(),
  tools: z.array(tool).max(128).nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  user: label,
  verbosity: z.enum(["low", "medium", "high"]).nullish(),
  web_search_options: unsupported("searches are billed per call, which no reservation covers"),
});

export type Parameters = z.output<typeof parameters>;

/** Two parameters that are valid alone and contradict each other. */
export interface Contradiction {
  readonly name: string;
  readonly problem: string;
}

export function contradictionIn(given: Parameters): Contradiction | undefined {
  if (given.max_tokens != null && given.max_completion_tokens != null) {
    const problem = "'max_completion_tokens' is its new name; set one of the two";
    return { name: "max_tokens", problem };
  }
  if (given.top_logprobs != null && given.logprobs !== true)
    return { name: "top_logprobs", problem: "it needs 'logprobs' to be true" };
  return undefined;
}
