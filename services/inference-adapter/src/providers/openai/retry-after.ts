import type { EpochMillis } from "@sluice/domain";

/**
 * Returns how long the provider asks to wait, in milliseconds: from `retry-after-ms`, or from
 * `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3). Returns null if there is no readable
 * value.
 */
export function retryAfterMsOf(
  header: (name: string) => string | null,
  now: EpochMillis,
): number | null {
  const milliseconds = amountOf(header("retry-after-ms"));
  if (milliseconds !== null) return milliseconds;
  const value = header("retry-after");
  const seconds = amountOf(value);
  if (seconds !== null) return Math.ceil(seconds * 1_000);
  const date = value === null ? Number.NaN : Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function amountOf(value: string | null): number | null {
  if (value === null || !/^\d+(\.\d+)?$/.test(value.trim())) return null;
  return Number(value);
}
