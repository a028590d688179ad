import { deadlinePassed } from "../providers/provider.ts";

/** What may end a call before its answer is complete: the client leaves, or the deadline passes. */
export class EarlyEnd {
  readonly #left = new AbortController();
  readonly #late = new AbortController();
  readonly #readsOn: boolean;

  /**
   * @param readsOn whether a call that runs is read to its end although its client has left. A provider bills the
   *   reasoning that it has made by then, and reports it only at the end
   */
  constructor(readsOn: boolean) {
    this.#readsOn = readsOn;
  }

  leave(): void {
    this.#left.abort();
  }

  expire(): void {
    this.#late.abort(deadlinePassed);
  }

  get hasLeft(): boolean {
    return this.#left.signal.aborted;
  }

  /** Returns the signal that ends the running call. */
  signalWith(stopping: AbortSignal): AbortSignal {
    const late = this.#late.signal;
    return AbortSignal.any(this.#readsOn ? [late, stopping] : [this.#left.signal, late, stopping]);
  }
}
