interface Portion<R> {
  readonly records: readonly R[];
  next: number;
  readonly end: (dealtWith: boolean) => void;
}

/**
 * Between a consumer that brings slices and a loop that takes records one by one: a slice
 * counts as taken when the loop comes back for what follows its last record. So a slow
 * loop pauses the partitions, and nothing is committed that it has not dealt with.
 */
export class Handoff<R> {
  readonly #portions: Portion<R>[] = [];
  #inHand: Portion<R> | undefined;
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: Error | undefined;

  /** @returns true when the loop dealt with all of them, false when it has ended before */
  async give(records: readonly R[]): Promise<boolean> {
    if (this.#closed) return false;
    if (records.length === 0) return true;
    return new Promise((end) => {
      this.#portions.push({ records, next: 0, end });
      this.#wake?.();
    });
  }

  /** The next record; undefined once it is closed. @throws what it was closed with */
  async take(): Promise<R | undefined> {
    this.#finishPortion();
    while (!this.#closed) {
      const portion = (this.#inHand ??= this.#portions.shift());
      if (portion) {
        const record = portion.records[portion.next];
        portion.next += 1;
        return record;
      }
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    if (this.#failure) throw this.#failure;
    return undefined;
  }

  /** @param failure why nothing more can come; absent where nothing more is wanted */
  close(failure?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure = failure;
    this.#wake?.();
    for (const { end } of [this.#inHand ?? [], this.#portions].flat()) end(false);
  }

  #finishPortion(): void {
    const portion = this.#inHand;
    if (!portion || portion.next < portion.records.length) return;
    this.#inHand = undefined;
    portion.end(true);
  }
}
