import type { IngressMetrics } from "../metrics.ts";

/** Bounds how many HTTP requests of this process wait for an answer at the same time. */
export class ConcurrencyLimit {
  #waiting = 0;

  constructor(
    private readonly max: number,
    private readonly metrics: IngressMetrics,
  ) {}

  /** Returns the function that releases the place, to be called once; undefined if all places are taken. */
  acquire(): (() => void) | undefined {
    if (this.#waiting >= this.max) return undefined;
    this.#add(1);
    return () => this.#add(-1);
  }

  #add(change: 1 | -1): void {
    this.#waiting += change;
    this.metrics.waiting.set(this.#waiting);
  }
}
