import type { Renewal } from "@sluice/request-state";

export interface LeaseParts {
  readonly renew: () => Promise<Renewal>;
  readonly everyMs: number;
  /** The client has left, or another service has set the outcome. */
  readonly onCancelled: () => void;
}

/** How soon a failed renewal is repeated: after an outage, other adapters are as quick to take over. */
const againAfterMs = 200;

/**
 * Renews the lease of an attempt from its claim until it is recorded. It ignores an outage of Redis,
 * because no other adapter can take the attempt over during one either.
 */
export class Lease {
  readonly #parts: LeaseParts;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.#schedule(parts.everyMs);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #schedule(afterMs: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => void this.#renew(), afterMs);
  }

  async #renew(): Promise<void> {
    // A failure is not reported here: writing the attempt fails for the same reason, and reports it.
    const renewal = await this.#parts.renew().catch(() => null);
    if (this.#ended) return;
    // Another adapter has taken the attempt over, or it was recorded while this renewal was on its way.
    if (renewal?.kind === "fenced") return this.end();
    if (renewal?.cancelled) this.#parts.onCancelled();
    this.#schedule(renewal ? this.#parts.everyMs : Math.min(againAfterMs, this.#parts.everyMs));
  }
}
