import type { AnswerPart, ChoicePart } from "../../answer/answer-part.ts";
import { hasSubstance } from "../../answer/answer-part.ts";
import type { AnswerReader, ReadValue } from "../../wire/answer-exchange.ts";
import type { WireEvent } from "../../wire/event-stream.ts";
import { type AnswerInBody, type WireError, wireErrorIn } from "../../wire/wire-error.ts";
import { mergedWireUsage, reportedUsageOf } from "./usage.ts";
import { readCompletion } from "./wire-completion.ts";

/** Reads a completion: its chunks, or the whole of it. */
export class CompletionReader implements AnswerReader {
  readonly #answerMembers: readonly string[];
  #usage: object | null = null;

  /** @param answerMembers the additional members of a message that are kept */
  constructor(answerMembers: readonly string[] = []) {
    this.#answerMembers = answerMembers;
  }

  read(value: unknown): ReadValue {
    const { origin, usage, parts } = readCompletion(value, this.#answerMembers);
    return { error: errorIn(value, parts), parts: [origin, ...this.#usageOf(usage), ...parts] };
  }

  isLast({ data }: WireEvent): boolean {
    return data.trim() === "[DONE]";
  }

  /** A provider that reports it with each chunk counts from the beginning. Some end with a part of it, or with zeros. */
  #usageOf(more: object | null): readonly AnswerPart[] {
    this.#usage = mergedWireUsage(this.#usage, more);
    const usage = more && reportedUsageOf(this.#usage);
    return usage ? [{ kind: "usage", usage }] : [];
  }
}

/** Returns the error that a completion or a chunk reports, or null if it reports none. */
export function completionErrorIn(value: unknown): WireError | null {
  return errorIn(value, readCompletion(value).parts);
}

function errorIn(value: unknown, parts: readonly ChoicePart[]): WireError | null {
  return wireErrorIn(value, answerIn(parts));
}

function answerIn(parts: readonly ChoicePart[]): AnswerInBody {
  const failed = new Set(
    parts
      .filter((part) => part.kind === "end" && part.reason === "error")
      .map(({ choice }) => choice),
  );
  return {
    hasSubstance: parts.some((part) => !failed.has(part.choice) && hasSubstance(part)),
    hasChoices: parts.length > 0,
    hasFailed: failed.size > 0,
  };
}
