import type { AnswerRequest } from "../answers/answer-request.ts";
import type { ChatMessage, ChatRequest } from "./chat-request.ts";
import { digestOf } from "../seeded.ts";

/** Returns the parts of a request on which its answers depend. */
export function answerRequestOf(request: ChatRequest): AnswerRequest {
  const { model, messages, form, choices, stops, ending } = request;
  return {
    model,
    promptDigest: promptDigestOf(request),
    texts: messages.map(({ text }) => text),
    form,
    tokensMax: request.completionTokensMax,
    reasoningTokensMax: request.completionTokensMax,
    choices,
    stops,
    ending,
  };
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
