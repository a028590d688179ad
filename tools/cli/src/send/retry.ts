/** The result of one failed try: a status with the server's retry-after, or no response. */
export type FailedTry =
  | { readonly kind: "refused"; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: "no-answer" };

const triesMax = 6;
const firstPauseMs = 250;
const pauseMsMax = 15_000;

/**
 * Returns how many milliseconds to wait before the same request is sent again with the same key, or
 * undefined if it is not sent again. Only two failures are retried: a 429 or 503, because ingress has
 * not decided about the request, and a missing response, because the request may not have arrived. Pure.
 *
 * @param tries the number of tries so far, from 1
 * @param random a number from 0 to 1 for the jitter
 */
export function pauseBeforeRetry(
  last: FailedTry,
  tries: number,
  random: number,
): number | undefined {
  if (tries >= triesMax) return undefined;
  if (last.kind === "refused" && last.status !== 429 && last.status !== 503) return undefined;
  const retryAfterMs = last.kind === "refused" ? (last.retryAfterMs ?? 0) : 0;
  const backOff = firstPauseMs * 2 ** (tries - 1) * (0.5 + random / 2);
  return Math.min(Math.max(retryAfterMs, backOff), pauseMsMax);
}

/** Parses `retry-after` in seconds, the form that ingress sends. Returns null for any other form. Pure. */
export function retryAfterMsOf(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}
