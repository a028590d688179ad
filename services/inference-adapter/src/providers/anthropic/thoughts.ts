import type { Members } from "../answer/answer-part.ts";
import { joinedMembers } from "../answer/joined-members.ts";
import type { Block } from "./messages-api.ts";

/**
 * Anthropic's thinking in the form that OpenRouter defined for `reasoning_details` (openrouter.ai/docs, "Reasoning
 * Tokens"). It has the signature, without which Anthropic does not take its thinking back.
 */
const format = "anthropic-claude-v1";

/** Returns the members in which a client sees a piece of thinking, as text and in detail. */
export function thinkingMembers(index: number, text: string): Members {
  const detail = { type: "reasoning.text", text, format, index };
  return { reasoning_content: text, reasoning_details: [detail] };
}

/** Returns the members in which a client receives the signature of the thinking with this index. */
export function signatureMembers(index: number, signature: string): Members {
  return { reasoning_details: [{ type: "reasoning.text", signature, format, index }] };
}

/** Returns the members in which a client receives thinking that Anthropic has encrypted. */
export function encryptedMembers(index: number, data: string): Members {
  return { reasoning_details: [{ type: "reasoning.encrypted", data, format, index }] };
}

/** Returns the thinking that a client sends back. What other providers have signed, or nothing has, is not Anthropic's. */
export function thoughtsIn(members: unknown): readonly Block[] {
  const { reasoning_details: sent } = membersOf(members);
  const pieces = (Array.isArray(sent) ? sent : []).map((piece) => ({ reasoning_details: [piece] }));
  // A client of a stream may send the pieces of a thought back as they came.
  const { reasoning_details: details } = pieces.reduce<Members>(joinedMembers, {});
  return (Array.isArray(details) ? details : []).map(membersOf).flatMap((detail): Block[] => {
    const { type, text, signature, data, format: written } = detail;
    if (written !== format) return [];
    if (type === "reasoning.encrypted" && typeof data === "string")
      return [{ type: "redacted_thinking", data }];
    if (type !== "reasoning.text" || typeof signature !== "string") return [];
    return [{ type: "thinking", thinking: typeof text === "string" ? text : "", signature }];
  });
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
