import { doubledMs, retryWithBackOff, TransientFault } from "@sluice/domain";

const backOff = { firstMs: 50, maxMs: 1_000 };

/**
 * Repeats an idempotent write until the store has it: what a provider was paid
 * for must not be lost to an outage. Gives up only when `signal` aborts.
 *
 * @throws the last fault after an abort, and whatever is no outage
 */
export async function persistently<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retryWithBackOff(write, {
    signal,
    pauseMsAfter: (error, failures) =>
      error instanceof TransientFault && !signal.aborted ? doubledMs(backOff, failures) : undefined,
  });
}
