/** Remembers the most recent ids, up to a bound, because a repeat follows soon after the first. */
export class RecentIds {
  readonly #ids = new Set<string>();

  /** @param idsMax 100,000 ids of 32 characters take about 10 MB */
  constructor(private readonly idsMax = 100_000) {}

  /** Returns whether the id is not among the recent ones, and remembers it. */
  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size <= this.idsMax) return true;
    // A set keeps the order of insertion, so its first id is the oldest.
    const [oldest] = this.#ids;
    this.#ids.delete(oldest!);
    return true;
  }
}
