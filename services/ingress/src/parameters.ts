import { z } from "zod";

const json = z.json();
const penalty = z.number().min(-2).max(2);
const outputTokens = z.number().int().min(1).max(1_000_000);

/**
 * The sampling parameters that are passed on, by their OpenAI names. Another
 * name is refused: a parameter that is silently dropped is a wrong answer.
 */
export const parameters = z.strictObject({
  frequency_penalty: penalty.nullish(),
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  logprobs: z.boolean().nullish(),
  max_completion_tokens: outputTokens.nullish(),
  max_tokens: outputTokens.nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  modalities: z.array(z.enum(["text"])).nullish(),
  n: z.number().int().min(1).max(16).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  presence_penalty: penalty.nullish(),
  reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]).nullish(),
  response_format: json.optional(),
  seed: z.number().int().nullish(),
  service_tier: z.enum(["auto", "default"]).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  store: z.boolean().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  tool_choice: json.optional(),
  tools: z.array(json).max(128).nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  user: z.string().max(512).nullish(),
  verbosity: z.enum(["low", "medium", "high"]).nullish(),
});

export type Parameters = z.output<typeof parameters>;
