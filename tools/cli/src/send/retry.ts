/** What came of one try: a status with what the server asks for, or no answer at all. */
export type FailedTry =
  | { readonly kind: "refused"; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: "no-answer" };

const triesMax = 6;
const firstPauseMs = 250;
const pauseMsMax = 15_000;

/**
 * How long to wait before the same request is sent again with the same key; undefined: not any more.
 * Only what was refused before anything was decided, and what may never have arrived, is.
 *
 * @param tries made so far, from 1
 * @param random from 0 to 1. Pure.
 */
export function pauseBeforeRetry(
  last: FailedTry,
  tries: number,
  random: number,
): number | undefined {
  if (tries >= triesMax) return undefined;
  if (last.kind === "refused" && last.status !== 429 && last.status !== 503) return undefined;
  const asked = last.kind === "refused" ? (last.retryAfterMs ?? 0) : 0;
  const backOff = firstPauseMs * 2 ** (tries - 1) * (0.5 + random / 2);
  return Math.min(Math.max(asked, backOff), pauseMsMax);
}

/** `retry-after` in seconds, as our edge says it. Pure. */
export function retryAfterMsOf(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;
}
