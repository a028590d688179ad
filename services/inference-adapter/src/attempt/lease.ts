import type { Renewal } from "@sluice/request-state";

export interface LeaseParts {
  readonly renew: () => Promise<Renewal>;
  readonly everyMs: number;
  /** The client has gone, or somebody else set the outcome. */
  readonly onCancelled: () => void;
  /** Another owner took over. */
  readonly onFenced: () => void;
}

/** Keeps an attempt ours while its call runs. An outage is sat out: nobody can take over meanwhile either. */
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
    // What fails here fails again, and is told, when the attempt is written.
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
