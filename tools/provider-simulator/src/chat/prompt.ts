import type { ChatMessage, ChatRequest } from "./chat-request.ts";
import { isObject, type JsonObject } from "../json.ts";
import { digestOf } from "../seeded.ts";
import { countTokens } from "../tokens.ts";

const TOKENS_PER_MESSAGE = 4;
const TOKENS_PER_REPLY = 3;
const TOKENS_PER_MEDIA = 85;
const TOKENS_PER_DETAILED_IMAGE = 765;

/** Counts the prompt tokens of a request by the rule in the README. */
export function countPromptTokens({ messages, definitions }: ChatRequest): number {
  const inMessages = messages.map(countMessageTokens).reduce((sum, tokens) => sum + tokens, 0);
  const inDefinitions = definitions.length === 0 ? 0 : countTokens(JSON.stringify(definitions));
  return TOKENS_PER_REPLY + inMessages + inDefinitions;
}

function countMessageTokens({ text, media, rest }: ChatMessage): number {
  const inMedia = media.map(mediaTokensOf).reduce((sum, tokens) => sum + tokens, 0);
  const inRest = Object.keys(rest).length === 0 ? 0 : countTokens(JSON.stringify(rest));
  return TOKENS_PER_MESSAGE + countTokens(text) + inMedia + inRest;
}

function mediaTokensOf({ image_url: image }: JsonObject): number {
  const detailed = isObject(image) && image["detail"] === "high";
  return detailed ? TOKENS_PER_DETAILED_IMAGE : TOKENS_PER_MEDIA;
}

/** Returns a digest of messages and definitions that does not depend on the model or the parameters. */
export function promptDigestOf({ messages, definitions, form }: ChatRequest): string {
  return digestOf(canonicalMessagesOf(messages), definitions, form);
}

/** Returns the text in which faults search for markers, and the prompt cache for a common prefix. */
export function promptTextOf(messages: readonly ChatMessage[]): string {
  return messages.map(({ role, text }) => `${role}: ${text}`).join("\n");
}

function canonicalMessagesOf(messages: readonly ChatMessage[]): readonly unknown[] {
  return messages.map(({ role, text, media, rest }) => [role, text, media, rest]);
}
