import type { Answer, AnswerEnd } from "../answers/answer.ts";
import { thoughtOf } from "../answers/prose.ts";
import type { BilledUsage } from "../bill/usage.ts";
import type { MessagesRequest } from "./messages-request.ts";
import { signatureOf } from "./signature.ts";

/** A block of an answer, in the tokens in which it is streamed and billed. */
export type AnswerBlock =
  | {
      readonly type: "thinking";
      readonly tokens: readonly string[];
      readonly signature: string;
      /** Whether the client receives the signature only. */
      readonly isOmitted: boolean;
    }
  | { readonly type: "text"; readonly tokens: readonly string[] }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly tokens: readonly string[];
    };

/** The parts of a message that both forms of an answer have. */
export interface MessageHead {
  readonly id: string;
  readonly model: string;
}

/** The end of a message in Anthropic's words. */
interface Stop {
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly stop_details: object | null;
}

const stopReasons: Readonly<Record<AnswerEnd, string>> = {
  complete: "end_turn",
  "stop-text": "stop_sequence",
  limit: "max_tokens",
  "tool-call": "tool_use",
  refusal: "refusal",
  filtered: "refusal",
};

/** Returns the blocks of an answer: its thought, if any, and its text or its call of a tool. An empty answer has none. */
export function answerBlocksOf(
  { answer: { promptDigest, model }, omitsThought: isOmitted }: MessagesRequest,
  { tokens, reasoningTokens, toolName }: Answer,
  callId: string,
): readonly AnswerBlock[] {
  const thought = thoughtOf(reasoningTokens, promptDigest, model);
  const text = thought.join("");
  const signature = signatureOf(text, isOmitted ? "" : text);
  const visible: AnswerBlock =
    toolName === null
      ? { type: "text", tokens }
      : { type: "tool_use", id: `toolu_simulated_${callId}`, name: toolName, tokens };
  if (tokens.length === 0) return [];
  if (thought.length === 0) return [visible];
  return [{ type: "thinking", tokens: thought, signature, isOmitted }, visible];
}

/** Returns a message in one piece, without usage if `usage` is null. */
export function messageOf(
  head: MessageHead,
  blocks: readonly AnswerBlock[],
  answer: Answer,
  usage: object | null,
): object {
  return {
    id: head.id,
    type: "message",
    role: "assistant",
    model: head.model,
    content: blocks.map(contentOf),
    ...stopOf(answer),
    ...(usage && { usage }),
  };
}

export function stopOf({ end, stopText }: Answer): Stop {
  const reason = stopReasons[end];
  const details = { type: "refusal", category: null, explanation: null };
  return {
    stop_reason: reason,
    stop_sequence: stopText,
    stop_details: reason === "refusal" ? details : null,
  };
}

function contentOf(block: AnswerBlock): object {
  const text = block.tokens.join("");
  switch (block.type) {
    case "thinking":
      return {
        type: "thinking",
        thinking: block.isOmitted ? "" : text,
        signature: block.signature,
      };
    case "text":
      return { type: "text", text, citations: null };
    case "tool_use":
      return {
        type: "tool_use",
        id: block.id,
        name: block.name,
        input: inputIn(text),
        caller: { type: "direct" },
      };
    default:
      return block satisfies never;
  }
}

/** Returns the arguments of a call. Those that `max_tokens` has cut are not JSON and cannot be part of a message. */
function inputIn(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Converts the classes of the prompt into those of Anthropic, which are disjoint as well. */
export function reportedInputOf(usage: BilledUsage): object {
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens + usage.cacheWriteHourTokens,
    cache_read_input_tokens: usage.cachedInputTokens,
  };
}

/** Converts the answer's classes into that of Anthropic, whose output tokens contain those of the thought. */
export function reportedOutputOf({ outputTokens, reasoningTokens }: BilledUsage): object {
  return {
    output_tokens: outputTokens + reasoningTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    server_tool_use: null,
  };
}

/** Returns the members of the usage that only a message has, and not the last event of a stream. */
export function reportedServiceOf(usage: BilledUsage): object {
  return {
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWriteTokens,
      ephemeral_1h_input_tokens: usage.cacheWriteHourTokens,
    },
    service_tier: "standard",
    inference_geo: null,
    speed: "standard",
  };
}
