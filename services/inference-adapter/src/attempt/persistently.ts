import { doubledMs, retryWithBackOff, TransientFault } from "@sluice/domain";

const backOff = { firstMs: 50, maxMs: 1_000 };

/**
 * Repeats an idempotent write until the store has it, because an outage must not lose an answer that a provider
 * was paid for. Gives up only if `signal` aborts.
 *
 * @throws the last outage after an abort, and at once every error that is not an outage
 */
export async function persistently<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retryWithBackOff(write, {
    signal,
    pauseMsAfter: (error, failures) =>
      error instanceof TransientFault && !signal.aborted ? doubledMs(backOff, failures) : undefined,
  });
}
