import type { Answer } from "../answers/answer.ts";
import type { StreamPart } from "../answers/send-stream.ts";
import type { BilledUsage } from "../bill/usage.ts";
import {
  reportedInputOf,
  reportedOutputOf,
  reportedServiceOf,
  stopOf,
  type AnswerBlock,
  type MessageHead,
} from "./message.ts";

/**
 * Returns the events before the first block, by Anthropic's guide "Streaming messages". The usage has the whole prompt
 * and the first token of the answer, if it has any.
 */
export function openingOf({ id, model }: MessageHead, usage: BilledUsage | null): string {
  const reported = usage && {
    ...reportedInputOf(usage),
    ...reportedServiceOf(usage),
    ...reportedOutputOf({
      ...usage,
      outputTokens: Math.min(1, usage.outputTokens),
      reasoningTokens: 0,
    }),
  };
  const message = {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    ...(reported && { usage: reported }),
  };
  return eventOf("message_start", { message }) + eventOf("ping", {});
}

/**
 * Divides the blocks of an answer into events. Ends after `tokensMax` tokens in total. The tokens of an omitted thought
 * belong to its signature.
 */
export function partsOf(
  blocks: readonly AnswerBlock[],
  tokensPerEvent: number,
  tokensMax: number,
): readonly StreamPart[] {
  const parts: StreamPart[] = [];
  let left = tokensMax;
  for (const [index, block] of blocks.entries()) {
    if (left <= 0) break;
    parts.push(untokened(eventOf("content_block_start", { index, content_block: startOf(block) })));
    const shown = isOmitted(block) ? [] : block.tokens;
    for (let from = 0; from < shown.length && left > 0; from += tokensPerEvent) {
      const taken = shown.slice(from, from + Math.min(tokensPerEvent, left));
      left -= taken.length;
      const text = eventOf("content_block_delta", { index, delta: deltaOf(block, taken.join("")) });
      parts.push({ text, ...tokensIn(block, taken.length) });
    }
    if (left > 0) parts.push(endOf(index, block));
  }
  return parts;
}

/** Returns the number of tokens that {@link partsOf} shows, without those of an omitted thought. */
export function shownTokensIn(blocks: readonly AnswerBlock[]): number {
  return blocks.reduce((sum, block) => sum + (isOmitted(block) ? 0 : block.tokens.length), 0);
}

/** Returns the events after the last block, with the usage of the whole answer. */
export function closingOf(answer: Answer, usage: BilledUsage | null): string {
  const reported = usage && { ...reportedInputOf(usage), ...reportedOutputOf(usage) };
  const delta = stopOf(answer);
  return (
    eventOf("message_delta", { delta, ...(reported && { usage: reported }) }) +
    eventOf("message_stop", {})
  );
}

function isOmitted(block: AnswerBlock): boolean {
  return block.type === "thinking" && block.isOmitted;
}

function startOf(block: AnswerBlock): object {
  switch (block.type) {
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "text":
      return { type: "text", text: "", citations: null };
    case "tool_use":
      return {
        type: "tool_use",
        id: block.id,
        name: block.name,
        input: {},
        caller: { type: "direct" },
      };
    default:
      return block satisfies never;
  }
}

function deltaOf({ type }: AnswerBlock, text: string): object {
  switch (type) {
    case "thinking":
      return { type: "thinking_delta", thinking: text };
    case "text":
      return { type: "text_delta", text };
    case "tool_use":
      return { type: "input_json_delta", partial_json: text };
    default:
      return type satisfies never;
  }
}

function endOf(index: number, block: AnswerBlock): StreamPart {
  const stop = eventOf("content_block_stop", { index });
  if (block.type !== "thinking") return untokened(stop);
  const delta = { type: "signature_delta", signature: block.signature };
  const text = eventOf("content_block_delta", { index, delta }) + stop;
  return { text, ...tokensIn(block, block.isOmitted ? block.tokens.length : 0) };
}

function tokensIn({ type }: AnswerBlock, tokens: number): Omit<StreamPart, "text"> {
  return type === "thinking"
    ? { outputTokens: 0, reasoningTokens: tokens }
    : { outputTokens: tokens, reasoningTokens: 0 };
}

function untokened(text: string): StreamPart {
  return { text, outputTokens: 0, reasoningTokens: 0 };
}

function eventOf(type: string, body: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
}
