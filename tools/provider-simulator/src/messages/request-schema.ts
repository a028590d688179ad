import { z } from "zod";
import {
  assistantBlock,
  blocksOrText,
  cacheControl,
  textBlock,
  toolName,
  userBlock,
} from "./block-schemas.ts";
import type { ApiVersion } from "./request-headers.ts";

const TOKENS_MAX = 1_000_000;
const THINKING_TOKENS_LEAST = 1_024;

const inputSchema = z
  .looseObject({ type: z.literal("object") })
  .refine((schema) => !("oneOf" in schema || "allOf" in schema || "anyOf" in schema), {
    error: "input_schema does not support oneOf, allOf, or anyOf at the top level",
  });

const tool = z.strictObject({
  type: z.literal("custom").nullish(),
  name: toolName,
  description: z.string().optional(),
  input_schema: inputSchema,
  strict: z.boolean().optional(),
  input_examples: z.array(z.record(z.string(), z.unknown())).optional(),
  cache_control: cacheControl,
});

const isParallelDisabled = { disable_parallel_tool_use: z.boolean().optional() };
const toolChoice = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auto"), ...isParallelDisabled }),
  z.strictObject({ type: z.literal("any"), ...isParallelDisabled }),
  z.strictObject({ type: z.literal("tool"), name: toolName, ...isParallelDisabled }),
  z.strictObject({ type: z.literal("none") }),
]);

const display = { display: z.enum(["summarized", "omitted"]).nullish() };
const thinking = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("enabled"),
    budget_tokens: z.int().min(THINKING_TOKENS_LEAST),
    ...display,
  }),
  z.strictObject({ type: z.literal("adaptive"), ...display }),
  z.strictObject({ type: z.literal("disabled") }),
]);

const outputConfig = z.strictObject({
  effort: z.enum(["low", "medium", "high", "xhigh", "max"]).nullish(),
  format: z
    .strictObject({
      type: z.literal("json_schema"),
      schema: z.record(z.string(), z.unknown()).refine(isClosed, {
        error: "For 'object' type, 'additionalProperties' must be explicitly set to false",
      }),
    })
    .nullish(),
});

const message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), content: blocksOrText(userBlock) }),
  z.strictObject({ role: z.literal("assistant"), content: blocksOrText(assistantBlock) }),
]);

const currentBody = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1).max(TOKENS_MAX),
  messages: z.array(message).min(1, "at least one message is required"),
  system: blocksOrText(textBlock).optional(),
  tools: z.array(tool).optional(),
  tool_choice: toolChoice.optional(),
  stop_sequences: z
    .array(z.string().regex(/\S/, "each stop sequence must contain non-whitespace"))
    .optional(),
  metadata: z.strictObject({ user_id: z.string().max(256).nullish() }).optional(),
  thinking: thinking.optional(),
  output_config: outputConfig.optional(),
  service_tier: z.enum(["auto", "standard_only"]).optional(),
  cache_control: cacheControl,
  stream: z.boolean().optional(),
});

/** The parameters that Anthropic's page "Migrating to API version 2026-10-21" removes. */
const earlierBody = currentBody.extend({
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
});

/**
 * The body of `POST /v1/messages` by Anthropic's reference "Create a Message". It has the members that the simulator
 * supports. All others are refused, because Anthropic refuses a member that it does not know.
 */
export const messagesBodies: Readonly<Record<ApiVersion, z.ZodType<MessagesBody>>> = {
  "2023-06-01": earlierBody,
  "2026-10-21": currentBody,
};

export type MessagesBody = z.output<typeof earlierBody>;
export type Message = MessagesBody["messages"][number];
export type Tool = z.output<typeof tool>;

/**
 * Returns whether every object of a JSON schema excludes other members, which Anthropic's guide "Structured outputs"
 * requires.
 */
function isClosed(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed);
  if (typeof schema !== "object" || schema === null) return true;
  const isOpen =
    "type" in schema &&
    schema.type === "object" &&
    !("additionalProperties" in schema && schema.additionalProperties === false);
  return !isOpen && Object.values(schema).every(isClosed);
}
