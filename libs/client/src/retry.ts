import { setTimeout as sleep } from "node:timers/promises";
import { TransientFault } from "@sluice/domain";
import { type BackOff, backOffMs } from "@sluice/stage";

export interface RetryLimits {
  /** After this, what failed last is thrown. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly backOff?: BackOff;
}

const gentle: BackOff = { firstMs: 200, maxMs: 5_000 };

/**
 * Repeats the work while it fails with an outage, with growing pauses, until the time is over.
 *
 * @throws what the work threw last; the reason of the signal
 */
export async function retryUntil<T>(
  work: () => Promise<T>,
  { timeoutMs, signal, backOff = gentle }: RetryLimits,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (let failures = 1; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await endOf(work(), until, timeoutMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientFault)) throw error;
      const pauseMs = backOffMs(backOff, failures, error.retryAfterMs, Math.random());
      if (performance.now() + pauseMs > until) throw error;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** The work's end, or the end of the time or of the wish for it: work that hangs is left alone. */
async function endOf<T>(
  work: Promise<T>,
  until: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new TransientFault("CLIENT_UNREACHABLE", `Nothing came within ${timeoutMs} ms.`)),
    Math.max(until - performance.now(), 0),
  );
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
