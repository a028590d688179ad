import type { CacheResult, Candidate } from "@sluice/contracts";
import { type Append, type ChunkChoices, encodeTokens } from "@sluice/request-state";
import { type AnswerPart, hasSubstance } from "../providers/answer/answer-part.ts";
import { choicesOf } from "./chunk-choices.ts";
import { persistently } from "./persistently.ts";

export interface LiveReplyParts {
  readonly candidate: Candidate;
  readonly cache: CacheResult;
  readonly append: (sequence: number, payload: string) => Promise<Append>;
  readonly onCancelled: () => void;
  /** Stops writing. */
  readonly signal: AbortSignal;
}

/**
 * Writes the parts of an answer to the reply stream in order, as chunks. One append runs at a time, and the next one takes all
 * chunks that arrived during it. A fast provider therefore causes fewer round trips, and not a longer
 * queue. Nothing is written before a chunk holds more than the role of the speaker, because until
 * then another provider may still answer.
 */
export class LiveReply {
  readonly #parts: LiveReplyParts;
  #waiting: ChunkChoices[] = [];
  #systemFingerprint: string | null = null;
  #begun = false;
  #sequence = 0;
  #writing: Promise<void> | undefined;
  #fault: unknown;
  #stopped = false;

  constructor(parts: LiveReplyParts) {
    this.#parts = parts;
  }

  /** Adds parts that arrived together. */
  add(parts: readonly AnswerPart[]): void {
    if (this.#stopped) return;
    this.#waiting.push(choicesOf(parts));
    for (const part of parts)
      if (part.kind === "origin")
        this.#systemFingerprint = part.systemFingerprint ?? this.#systemFingerprint;
    this.#begun ||= parts.some(hasSubstance);
    if (this.#begun) this.#writing ??= this.#write();
  }

  /**
   * Resolves when every added chunk is written, or this process no longer owns the attempt.
   *
   * @throws the error that prevented a write
   */
  async drain(): Promise<void> {
    await this.#writing;
    if (this.#fault) throw this.#fault;
  }

  async #write(): Promise<void> {
    const { append, onCancelled, signal } = this.#parts;
    try {
      while (this.#waiting.length > 0 && !this.#stopped) {
        const sequence = this.#sequence++;
        const payload = this.#takePayload();
        const appended = await persistently(() => append(sequence, payload), signal);
        if (appended.kind === "fenced") this.#stopped = true;
        else if (appended.cancelled) onCancelled();
      }
    } catch (error) {
      this.#stopped = true;
      this.#fault = error;
    } finally {
      this.#writing = undefined;
    }
  }

  #takePayload(): string {
    const { candidate, cache } = this.#parts;
    const chunks = this.#waiting;
    this.#waiting = [];
    return encodeTokens({
      variant: candidate.variant,
      tier: candidate.tier,
      cache,
      systemFingerprint: this.#systemFingerprint,
      chunks,
    });
  }
}
