import {
  type BackOff,
  backOffMs,
  retryWithBackOff,
  TransientFault,
  withTimeout,
} from "@sluice/domain";

export interface RetryLimits {
  /** How long to try, in milliseconds. Then the last failure is thrown. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly backOff?: BackOff;
}

const gentle: BackOff = { firstMs: 200, maxMs: 5_000 };

/**
 * Repeats the work while it fails with an outage, with growing pauses, until the time is over.
 * Work that hangs is abandoned then.
 *
 * @throws what the work threw last; the reason of the signal
 */
export async function retryUntil<T>(
  work: () => Promise<T>,
  { timeoutMs, signal, backOff = gentle }: RetryLimits,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  const attempt = (): Promise<T> => {
    signal.throwIfAborted();
    const leftMs = Math.max(until - performance.now(), 0);
    return withTimeout(work(), leftMs, () => unreachableWithin(timeoutMs), signal);
  };
  return retryWithBackOff(async () => attempt(), {
    signal,
    pauseMsAfter: (error, failures) => {
      signal.throwIfAborted();
      if (!(error instanceof TransientFault)) return undefined;
      const pauseMs = backOffMs(backOff, failures, error.retryAfterMs, Math.random());
      return performance.now() + pauseMs > until ? undefined : pauseMs;
    },
  });
}

function unreachableWithin(timeoutMs: number): never {
  throw new TransientFault("CLIENT_UNREACHABLE", `Nothing came within ${timeoutMs} ms.`);
}
