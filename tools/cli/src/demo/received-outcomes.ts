import type { InferenceResponded } from "@sluice/contracts";

/** Outcomes from `inference.responded`, kept until whoever asked for them comes. */
export class ReceivedOutcomes {
  readonly #arrived = new Map<string, InferenceResponded>();
  readonly #waiting = new Map<string, (outcome: InferenceResponded) => void>();

  /** Resolves when the outcomes end. */
  async collect(outcomes: AsyncIterable<InferenceResponded>): Promise<void> {
    for await (const outcome of outcomes) this.#add(outcome);
  }

  /** Undefined when it has not come within `limitMs`, or before `interrupted` aborts. */
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

  /** All outcomes of a request are equal: the first is as good as any. */
  #add(outcome: InferenceResponded): void {
    this.#arrived.set(outcome.requestId, outcome);
    this.#waiting.get(outcome.requestId)?.(outcome);
    this.#waiting.delete(outcome.requestId);
  }
}
