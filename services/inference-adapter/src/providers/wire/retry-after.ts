import type { EpochMillis } from "@sluice/domain";

/** The longest wait that is believed. A larger value is a mistake of the provider, and no time in a record. */
const retryAfterMsMax = 24 * 60 * 60_000;

/**
 * Returns how long the provider asks to wait, in milliseconds, at most a day: from `retry-after-ms`, or from
 * `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3). Returns null if there is no readable
 * value.
 */
export function retryAfterMsOf(
  header: (name: string) => string | null,
  now: EpochMillis,
): number | null {
  const milliseconds = amountOf(header("retry-after-ms"));
  if (milliseconds !== null) return bounded(milliseconds);
  const value = header("retry-after");
  const seconds = amountOf(value);
  if (seconds !== null) return bounded(seconds * 1_000);
  const date = value === null ? Number.NaN : Date.parse(value);
  return Number.isNaN(date) ? null : bounded(date - now);
}

/** Returns a duration of Google's APIs, which is seconds with an `s`, in milliseconds; null if it is none. */
export function retryDelayMsOf(duration: unknown): number | null {
  if (typeof duration !== "string" || !duration.endsWith("s")) return null;
  const seconds = amountOf(duration.slice(0, -1));
  return seconds === null ? null : bounded(seconds * 1_000);
}

function bounded(waitMs: number): number {
  return Math.ceil(Math.min(Math.max(waitMs, 0), retryAfterMsMax));
}

function amountOf(value: string | null): number | null {
  if (value === null || !/^\d+(\.\d+)?$/.test(value.trim())) return null;
  return Number(value);
}
