import type { IngressMetrics } from "../metrics.ts";

/** Bounds how many HTTP requests wait at once: beyond it 503, never an unbounded queue. */
export class ConcurrencyLimit {
  readonly #max: number;
  readonly #metrics: IngressMetrics;
  #waiting = 0;

  constructor(max: number, metrics: IngressMetrics) {
    this.#max = max;
    this.#metrics = metrics;
  }

  /** @returns how to leave, once; undefined when it is full. */
  enter(): (() => void) | undefined {
    if (this.#waiting >= this.#max) return undefined;
    this.#count(1);
    return () => this.#count(-1);
  }

  #count(change: 1 | -1): void {
    this.#waiting += change;
    this.#metrics.waiting.set(this.#waiting);
  }
}
