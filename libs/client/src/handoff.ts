interface Portion<R> {
  readonly records: readonly R[];
  next: number;
  readonly end: (isProcessed: boolean) => void;
}

/**
 * Passes records from a consumer, which delivers slices, to a loop, which takes records one by one.
 * A slice is finished when the loop requests the record after its last one. A slow loop therefore
 * pauses the partitions, and no offset is committed for a record that the loop has not processed.
 */
export class Handoff<R> {
  readonly #portions: Portion<R>[] = [];
  #inHand: Portion<R> | undefined;
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: Error | undefined;

  /** Resolves to true when the loop has processed all records, and to false if the loop ended before. */
  async give(records: readonly R[]): Promise<boolean> {
    if (this.#closed) return false;
    if (records.length === 0) return true;
    return new Promise((end) => {
      this.#portions.push({ records, next: 0, end });
      this.#wake?.();
    });
  }

  /** Returns the next record, or undefined after the end. @throws the failure that was passed to {@link close} */
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

  /** Ends the loop. @param failure the reason why no more records can arrive; absent if the reader wants no more */
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
