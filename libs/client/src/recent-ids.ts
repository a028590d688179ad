/** Remembers the ids it saw last, up to a bound: repeats come close to each other. */
export class RecentIds {
  readonly #ids = new Set<string>();

  /** @param idsMax of 32 characters each, 100,000 take about 10 MB */
  constructor(private readonly idsMax = 100_000) {}

  /** False where the id was seen before. */
  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    // A set keeps the order in which ids came.
    const [oldest] = this.#ids.size > this.idsMax ? this.#ids : [];
    if (oldest !== undefined) this.#ids.delete(oldest);
    return true;
  }
}
