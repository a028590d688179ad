import type { Handoff } from "./handoff.ts";

/** What reads in the background. */
export interface Reading {
  close(): Promise<void>;
}

interface RecordsParts<R> {
  readonly opening: Promise<Reading>;
  readonly handoff: Handoff<R>;
  readonly isWanted: (record: R) => boolean;
  /** Ends the iteration; reading then ends too, whether or not anybody iterates. */
  readonly signal: AbortSignal;
}

/** The records of one reading, which begins when this is made, not with the first `next`. */
export class Records<R> implements AsyncIterableIterator<R, void, undefined> {
  readonly #parts: RecordsParts<R>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: RecordsParts<R>) {
    this.#parts = parts;
    // Thrown by `next`.
    parts.opening.catch(() => undefined);
    parts.signal.addEventListener("abort", () => void this.return(), { once: true });
  }

  /** Resolves when the place to begin is known: what is published from then on is given. */
  async begun(): Promise<void> {
    await this.#parts.opening;
  }

  /** @throws SluiceError `CLIENT_UNREACHABLE` when reading cannot begin, or broke down */
  next(): Promise<IteratorResult<R, void>> {
    const next = this.#last.then(() => this.#take());
    this.#last = next.catch(() => undefined);
    return next;
  }

  async return(): Promise<IteratorResult<R, void>> {
    const { handoff, opening } = this.#parts;
    handoff.close();
    const reading = await opening.catch(() => undefined);
    await reading?.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #take(): Promise<IteratorResult<R, void>> {
    const { opening, handoff, isWanted, signal } = this.#parts;
    try {
      await opening;
      for (;;) {
        const record = await handoff.take();
        if (record === undefined) return { done: true, value: undefined };
        if (isWanted(record)) return { done: false, value: record };
      }
    } catch (error) {
      if (signal.aborted) return { done: true, value: undefined };
      throw error;
    }
  }
}
