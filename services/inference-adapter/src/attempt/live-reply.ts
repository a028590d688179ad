import type { CacheResult, Candidate } from "@sluice/contracts";
import { type Append, type ChunkChoices, encodeTokens } from "@sluice/request-state";
import { persistently } from "./persistently.ts";
import type { Chunk } from "../providers/provider.ts";

export interface LiveReplyParts {
  readonly candidate: Candidate;
  readonly cache: CacheResult;
  readonly append: (sequence: number, payload: string) => Promise<Append>;
  readonly onCancelled: () => void;
  /** Gives up writing. */
  readonly signal: AbortSignal;
}

/**
 * Brings chunks to the reply stream in order. One append is in flight at a time;
 * what comes meanwhile goes with the next, so that a fast provider costs fewer
 * round trips, not a longer queue. Nothing is written before a chunk holds more
 * than who speaks: until then another provider may still answer.
 */
export class LiveReply {
  readonly #parts: LiveReplyParts;
  #waiting: ChunkChoices[] = [];
  #systemFingerprint: string | null = null;
  #begun = false;
  #sequence = 0;
  #flight: Promise<void> | undefined;
  #fault: unknown;
  #stopped = false;

  constructor(parts: LiveReplyParts) {
    this.#parts = parts;
  }

  add({ choices, systemFingerprint, hasSubstance }: Chunk): void {
    if (this.#stopped) return;
    this.#waiting.push(choices);
    this.#systemFingerprint = systemFingerprint ?? this.#systemFingerprint;
    this.#begun ||= hasSubstance;
    if (this.#begun) this.#flight ??= this.#write();
  }

  /** Resolves when all that was added is written, or will never be. @throws what kept it from being written */
  async drain(): Promise<void> {
    await this.#flight;
    if (this.#fault) throw this.#fault;
  }

  async #write(): Promise<void> {
    const { append, onCancelled, signal } = this.#parts;
    try {
      while (this.#waiting.length > 0 && !this.#stopped) {
        const sequence = this.#sequence++;
        const payload = this.#takePayload();
        const answer = await persistently(() => append(sequence, payload), signal);
        if (answer.kind === "fenced") this.#stopped = true;
        else if (answer.cancelled) onCancelled();
      }
    } catch (error) {
      this.#stopped = true;
      this.#fault = error;
    } finally {
      this.#flight = undefined;
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
