import { z } from "zod";

/** The life of a written prefix. */
export type Life = "5m" | "1h";

const identifier = z.string().regex(/^[\w-]+$/, "String should match pattern '^[a-zA-Z0-9_-]+$'");
export const toolName = z
  .string()
  .regex(/^[\w-]{1,128}$/, "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'");
const object = z.record(z.string(), z.unknown());

export const cacheControl = z
  .strictObject({
    type: z.literal("ephemeral"),
    ttl: z.enum(["5m", "1h"]).default("5m"),
  })
  .nullish();

/** Reads a text that is given instead of a list as a list of one block. An empty text is an empty list. */
export function blocksOrText<T extends z.ZodType>(block: T) {
  return z.preprocess(
    (value) => (typeof value === "string" ? textAsBlocks(value) : value),
    z.array(block),
  );
}

function textAsBlocks(text: string): readonly object[] {
  return text === "" ? [] : [{ type: "text", text }];
}

const plainText = z.strictObject({
  type: z.literal("text"),
  text: z.string().min(1, "text content blocks must be non-empty"),
  citations: z.array(z.unknown()).nullish(),
  cache_control: cacheControl,
});

/** A text of a message or of the system prompt. Blank texts are accepted in results of tools only. */
export const textBlock = plainText.refine(({ text }) => text === "" || text.trim() !== "", {
  error: "text content blocks must contain non-whitespace text",
  path: ["text"],
});

const imageBlock = z.strictObject({
  type: z.literal("image"),
  source: z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("base64"),
      media_type: z.enum(["image/jpeg", "image/png", "image/gif", "image/webp"]),
      data: z.base64().min(1),
    }),
    z.strictObject({ type: z.literal("url"), url: z.url({ protocol: /^https?$/ }) }),
  ]),
  cache_control: cacheControl,
});

const documentBlock = z.strictObject({
  type: z.literal("document"),
  source: z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("base64"),
      media_type: z.literal("application/pdf"),
      data: z.base64().min(1),
    }),
    z.strictObject({ type: z.literal("url"), url: z.url({ protocol: /^https?$/ }) }),
    z.strictObject({
      type: z.literal("text"),
      media_type: z.literal("text/plain"),
      data: z.string().min(1),
    }),
    z.strictObject({
      type: z.literal("content"),
      content: blocksOrText(z.discriminatedUnion("type", [plainText, imageBlock])),
    }),
  ]),
  title: z.string().nullish(),
  context: z.string().nullish(),
  citations: z.strictObject({ enabled: z.boolean().optional() }).nullish(),
  cache_control: cacheControl,
});

const toolUseBlock = z.strictObject({
  type: z.literal("tool_use"),
  id: identifier,
  name: toolName,
  input: object,
  caller: z.strictObject({ type: z.literal("direct") }).optional(),
  cache_control: cacheControl,
});

const toolResultBlock = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: identifier,
  content: blocksOrText(
    z.discriminatedUnion("type", [plainText, imageBlock, documentBlock]),
  ).optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
});

const thinkingBlock = z.strictObject({
  type: z.literal("thinking"),
  thinking: z.string(),
  signature: z.string(),
});

const redactedThinkingBlock = z.strictObject({
  type: z.literal("redacted_thinking"),
  data: z.string().min(1),
});

export const userBlock = z.discriminatedUnion("type", [
  textBlock,
  imageBlock,
  documentBlock,
  toolResultBlock,
]);

export const assistantBlock = z.discriminatedUnion("type", [
  textBlock,
  toolUseBlock,
  thinkingBlock,
  redactedThinkingBlock,
]);

export type ContentBlock = z.output<typeof userBlock> | z.output<typeof assistantBlock>;
export type TextBlock = z.output<typeof textBlock>;
