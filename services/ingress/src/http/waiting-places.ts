import { mayTake } from "../admission/fair-share.ts";
import type { IngressMetrics } from "../metrics.ts";

/** Bounds how many HTTP requests of this process wait for an answer at the same time, with a fair share for every tenant. */
export class WaitingPlaces {
  readonly #inHand = new Map<string, number>();
  #total = 0;

  constructor(
    private readonly max: number,
    private readonly weightOf: (tenant: string) => number,
    private readonly metrics: IngressMetrics,
  ) {}

  /** Returns the function that releases the place, to be called once; undefined if the tenant may not have one. */
  acquire(tenant: string): (() => void) | undefined {
    const { max, weightOf } = this;
    const isAdmitted = mayTake(tenant, { max, inHand: this.#inHand, total: this.#total, weightOf });
    if (!isAdmitted) return undefined;
    this.#add(tenant, 1);
    return () => this.#add(tenant, -1);
  }

  #add(tenant: string, change: 1 | -1): void {
    const own = (this.#inHand.get(tenant) ?? 0) + change;
    // Tenants come and go with the declarations, so those without requests are forgotten.
    if (own === 0) this.#inHand.delete(tenant);
    else this.#inHand.set(tenant, own);
    this.#total += change;
    this.metrics.waiting.set(this.#total);
  }
}
