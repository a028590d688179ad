export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const defaultBackOff: BackOff = { firstMs: 250, maxMs: 15_000 };

/**
 * How long to wait after the `failures`-th failure in a row (counted from 1), in
 * milliseconds: doubled each time, capped, and spread down to three quarters so
 * that members which failed together do not come back together. What the other
 * side asked for (`retryAfterMs`) is a lower bound, and capped as well, or a
 * mistaken header would park a partition for a day.
 *
 * @param random in [0, 1)
 */
export function backOffMs(
  backOff: BackOff,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, 30);
  const grown = Math.min(backOff.firstMs * 2 ** doublings, backOff.maxMs);
  const spread = grown * (0.75 + random * 0.25);
  const asked = Math.min(retryAfterMs ?? 0, Math.max(backOff.maxMs, 60_000));
  return Math.round(Math.max(spread, asked));
}
