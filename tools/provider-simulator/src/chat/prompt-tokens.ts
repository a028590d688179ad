import type { ChatMessage, ChatRequest } from "./chat-request.ts";
import { isObject, type JsonObject } from "../json.ts";
import type { CountTexts } from "../vocabulary.ts";

/**
 * Tokens that OpenAI's chat format adds, by its guide "How to count tokens with tiktoken" (models since GPT-4o):
 * for each message, for its author's name, before the answer, for each function, and once if there are functions.
 */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_NAME = 1;
const TOKENS_PER_REPLY = 3;
const TOKENS_PER_FUNCTION = 7;
const TOKENS_PER_TOOLS = 12;
/** Tokens of an image by OpenAI's guide to vision: of low detail, and of high detail with two by two tiles. */
const TOKENS_PER_MEDIA = 85;
const TOKENS_PER_DETAILED_IMAGE = 765;

/** Counts the prompt tokens of a request by the rule in the README. */
export async function countPromptTokens(
  { messages, promptParameters }: ChatRequest,
  countTexts: CountTexts,
): Promise<number> {
  const texts = [...messages.flatMap(textsOf), ...Object.values(promptParameters).map(textOf)];
  const frames = messages.map(frameTokensOf).reduce((sum, tokens) => sum + tokens, 0);
  return (await countTexts(texts)) + TOKENS_PER_REPLY + frames + toolTokensOf(promptParameters);
}

/** Returns everything of a message that a model reads as text: role, content and all other members. */
function textsOf({ role, text, rest }: ChatMessage): readonly string[] {
  return [role, text, ...Object.values(rest).map(textOf)];
}

/** Returns a string as it is, and every other value as compact JSON. A member that is null has no text. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null ? "" : JSON.stringify(value);
}

function frameTokensOf({ media, rest }: ChatMessage): number {
  const inMedia = media.map(mediaTokensOf).reduce((sum, tokens) => sum + tokens, 0);
  return TOKENS_PER_MESSAGE + (rest["name"] == null ? 0 : TOKENS_PER_NAME) + inMedia;
}

function mediaTokensOf({ image_url: image }: JsonObject): number {
  const detailed = isObject(image) && image["detail"] === "high";
  return detailed ? TOKENS_PER_DETAILED_IMAGE : TOKENS_PER_MEDIA;
}

function toolTokensOf({ tools }: JsonObject): number {
  if (!Array.isArray(tools) || tools.length === 0) return 0;
  return TOKENS_PER_TOOLS + tools.length * TOKENS_PER_FUNCTION;
}
