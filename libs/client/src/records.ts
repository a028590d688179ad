import type { Handoff } from "./handoff.ts";

/** A reader that runs in the background. */
export interface Reading {
  close(): Promise<void>;
}

interface RecordsParts<R> {
  readonly opening: Promise<Reading>;
  readonly handoff: Handoff<R>;
  readonly isWanted: (record: R) => boolean;
  /** Ends the iteration and the reader, also if no loop iterates. */
  readonly signal: AbortSignal;
}

/** The records of one reader. The reader starts when this object is created, and not with the first `next`. */
export class Records<R> implements AsyncIterableIterator<R, void, undefined> {
  readonly #parts: RecordsParts<R>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: RecordsParts<R>) {
    this.#parts = parts;
    // `next` throws the error.
    parts.opening.catch(() => undefined);
    parts.signal.addEventListener("abort", () => void this.return(), { once: true });
  }

  /** Resolves when the reader knows where to begin. All records that are published later are read. */
  async begun(): Promise<void> {
    await this.#parts.opening;
  }

  /** Returns the next record. @throws SluiceError `CLIENT_UNREACHABLE` if the reader cannot start or has failed */
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
