import type { InferenceResponded } from "@sluice/contracts";

/** Keeps outcomes from `inference.responded`, and returns each to the request that waits for it. */
export class ReceivedOutcomes {
  readonly #arrived = new Map<string, InferenceResponded>();
  readonly #waiting = new Map<string, (outcome: InferenceResponded) => void>();

  /** Reads all outcomes. Resolves when there are no more. */
  async collect(outcomes: AsyncIterable<InferenceResponded>): Promise<void> {
    for await (const outcome of outcomes) this.#add(outcome);
  }

  /** Returns the outcome of a request; undefined if it does not arrive within `limitMs` or before `interrupted` aborts. */
  async outcomeOf(
    requestId: string,
    limitMs: number,
    interrupted: AbortSignal,
  ): Promise<InferenceResponded | undefined> {
    const arrived = this.#arrived.get(requestId);
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(limitMs)]);
    if (arrived || signal.aborted) return arrived;
    return new Promise((resolve) => {
      const giveUp = () => resolve(undefined);
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.set(requestId, (outcome) => {
        signal.removeEventListener("abort", giveUp);
        resolve(outcome);
      });
    });
  }

  /** Keeps the last outcome of a request. All outcomes of a request are equal (see docs/invariants.md). */
  #add(outcome: InferenceResponded): void {
    this.#arrived.set(outcome.requestId, outcome);
    this.#waiting.get(outcome.requestId)?.(outcome);
    this.#waiting.delete(outcome.requestId);
  }
}
