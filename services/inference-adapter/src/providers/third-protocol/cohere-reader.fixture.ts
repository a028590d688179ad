import type { AnswerPart, Members, ReportedUsage } from "../answer/answer-part.ts";
import { rawUsageOf } from "../answer/raw-usage.ts";
import type { AnswerReader, ReadValue } from "../wire/answer-exchange.ts";
import type { WireEvent } from "../wire/event-stream.ts";
import { wireErrorIn } from "../wire/wire-error.ts";

const finishReasons: ReadonlyMap<unknown, string> = new Map([
  ["COMPLETE", "stop"],
  ["STOP_SEQUENCE", "stop"],
  ["MAX_TOKENS", "length"],
]);

/** Reads an answer of Cohere's chat (API reference, "Chat" v2): its events, or the whole of it. Texts only. */
export class CohereReader implements AnswerReader {
  read(value: unknown): ReadValue {
    const { type, delta, message, finish_reason: reason, usage } = membersOf(value);
    if (type === undefined && message !== undefined)
      return partsOf(textsOf(membersOf(message)["content"]), reason, usage);
    switch (type) {
      case "content-delta":
        return partsOf(textsOf(membersOf(membersOf(delta)["message"])["content"]));
      case "message-end":
        return partsOf([], membersOf(delta)["finish_reason"], membersOf(delta)["usage"]);
      case "message-start":
      case "content-start":
      case "content-end":
        return partsOf([]);
      default:
        return { error: wireErrorIn(value), parts: [] };
    }
  }

  isLast({ data }: WireEvent): boolean {
    return data.trim() === "[DONE]";
  }
}

function partsOf(texts: readonly string[], reason?: unknown, usage?: unknown): ReadValue {
  const reported = usageOf(usage);
  const parts: readonly AnswerPart[] = [
    ...texts.map((text) => ({ kind: "text", choice: 0, text }) as const),
    ...(reported ? [{ kind: "usage", usage: reported } as const] : []),
    ...(typeof reason === "string"
      ? [{ kind: "end", choice: 0, reason: finishReasons.get(reason) ?? reason } as const]
      : []),
  ];
  return { error: null, parts };
}

/** A class that was not reported is null, and not zero. */
function usageOf(wire: unknown): ReportedUsage | null {
  const { tokens } = membersOf(wire);
  const { input_tokens: input, output_tokens: output } = membersOf(tokens);
  if (typeof input !== "number" || typeof output !== "number") return null;
  return {
    usage: {
      inputTokens: BigInt(input),
      cachedInputTokens: null,
      cacheWriteTokens: null,
      cacheWriteHourTokens: null,
      outputTokens: BigInt(output),
      reasoningTokens: null,
      otherTokens: {},
    },
    raw: rawUsageOf(membersOf(wire)),
  };
}

/** A part of the content is one object in an event, and a list of them in a whole answer. */
function textsOf(content: unknown): readonly string[] {
  const parts: readonly unknown[] = Array.isArray(content) ? content : [content];
  return parts.map((part) => membersOf(part)["text"]).filter((text) => typeof text === "string");
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
