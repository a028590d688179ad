/**
 * A signal that is aborted when one of several is, until it is released. `AbortSignal.any`
 * leaves something behind on a long-lived signal for every request (on Node 24 150 bytes).
 */
export class AbortLink {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<AbortSignal, () => void>();

  constructor(signals: readonly AbortSignal[]) {
    for (const signal of signals) {
      const listener = (): void => this.abort(signal.reason);
      if (signal.aborted) listener();
      signal.addEventListener("abort", listener, { once: true });
      this.#listeners.set(signal, listener);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  release(): void {
    for (const [signal, listener] of this.#listeners) signal.removeEventListener("abort", listener);
    this.#listeners.clear();
  }
}
