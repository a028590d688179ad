/** How long to wait between attempts, in milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** A longer wait that the other side asks for is cut to this, unless `maxMs` is longer. */
const retryAfterMsMax = 60_000;
/** Keeps the power of two finite, however long an outage lasts. */
const doublingsMax = 30;

/**
 * Returns how long to wait after the `failures`-th failure in a row (counted from 1), in
 * milliseconds: `firstMs`, doubled with each failure, at most `maxMs`.
 */
export function doubledMs({ firstMs, maxMs }: BackOff, failures: number): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, doublingsMax);
  return Math.min(firstMs * 2 ** doublings, maxMs);
}

/**
 * Returns {@link doubledMs}, spread down to three quarters so that clients which failed together
 * do not return together. The wait that the other side asks for (`retryAfterMs`) is a lower
 * bound. It has a limit too, because one wrong header could otherwise stop a partition for a day.
 *
 * @param random in [0, 1)
 */
export function backOffMs(
  backOff: BackOff,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number {
  const spread = doubledMs(backOff, failures) * (0.75 + random * 0.25);
  const asked = Math.min(retryAfterMs ?? 0, Math.max(backOff.maxMs, retryAfterMsMax));
  return Math.round(Math.max(spread, asked));
}

/** Resolves after `ms` milliseconds, or when the signal aborts. Never rejects. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => resolve();
  signal?.addEventListener("abort", stop, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", stop);
}

/**
 * Returns what the work returns, or what `onTimeout` returns if the work takes longer than `ms`
 * milliseconds. The work itself is not stopped. No timer is left behind, so that a short-lived
 * program can exit.
 *
 * @throws what the work or `onTimeout` throws; the signal's reason when it aborts
 */
export async function withTimeout<T, Late = never>(
  work: Promise<T>,
  ms: number,
  onTimeout: () => Late,
  signal?: AbortSignal,
): Promise<T | Late> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => reject(signal?.reason);
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise.then(onTimeout), work]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

export interface RetryOptions {
  /**
   * Returns how long to wait before the next attempt, in milliseconds, or undefined to give up.
   * May throw instead of giving up with the work's error.
   *
   * @param failures attempts that have failed so far
   */
  readonly pauseMsAfter: (error: unknown, failures: number) => number | undefined;
  /** Ends the current wait early. The next attempt then begins at once. */
  readonly signal?: AbortSignal;
}

/**
 * Repeats the work until it succeeds or `pauseMsAfter` gives up.
 *
 * @throws what the work threw last, or what `pauseMsAfter` throws
 */
export async function retryWithBackOff<T>(
  work: () => Promise<T>,
  { pauseMsAfter, signal }: RetryOptions,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      const pauseMs = pauseMsAfter(error, failures);
      if (pauseMs === undefined) throw error;
      await sleep(pauseMs, signal);
    }
  }
}
