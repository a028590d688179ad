import type { Renewal } from "@sluice/request-state";

export interface LeaseParts {
  readonly renew: () => Promise<Renewal>;
  readonly everyMs: number;
  /** The client has left, or another service has set the outcome. */
  readonly onCancelled: () => void;
  /** Another adapter has taken the attempt over. */
  readonly onFenced: () => void;
}

/**
 * Renews the lease of an attempt while its call runs. It ignores an outage of Redis, because no other
 * adapter can take the attempt over during one either.
 */
export class Lease {
  readonly #parts: LeaseParts;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#schedule();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => void this.#renew(), this.#parts.everyMs);
  }

  async #renew(): Promise<void> {
    // A failure is not reported here: writing the attempt fails for the same reason, and reports it.
    const renewal = await this.#parts.renew().catch(() => null);
    if (this.#ended) return;
    if (renewal?.kind === "fenced") {
      this.end();
      this.#parts.onFenced();
      return;
    }
    if (renewal?.cancelled) this.#parts.onCancelled();
    this.#schedule();
  }
}
