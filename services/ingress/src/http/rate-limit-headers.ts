import type { AppliedLimit, LimitState, MeterState } from "@sluice/request-state";

interface Meter {
  readonly perMinute: number;
  readonly state: MeterState;
}

/**
 * Returns OpenAI's headers for the limit on requests, and for that on tokens, that is nearest to its end. Source: "Rate
 * limits in headers", https://platform.openai.com/docs/guides/rate-limits. Pure.
 */
export function rateLimitHeadersOf(
  limits: readonly AppliedLimit[],
  states: readonly LimitState[],
): Readonly<Record<string, string>> {
  const requests = tightest(
    limits.map(({ requestsPerMinute }, index) => meter(requestsPerMinute, states[index]?.requests)),
  );
  const tokens = tightest(
    limits.map(({ tokensPerMinute }, index) => meter(tokensPerMinute, states[index]?.tokens)),
  );
  return {
    ...(requests && {
      "x-ratelimit-limit-requests": String(requests.perMinute),
      "x-ratelimit-remaining-requests": String(requests.state.remaining),
      "x-ratelimit-reset-requests": durationText(requests.state.resetMs),
    }),
    ...(tokens && {
      "x-ratelimit-limit-tokens": String(tokens.perMinute),
      "x-ratelimit-remaining-tokens": String(tokens.state.remaining),
      "x-ratelimit-reset-tokens": durationText(tokens.state.resetMs),
    }),
  };
}

/** Returns a time in the form of the headers, which is that of Go: `12ms`, `1.5s`, `6m0s`. */
export function durationText(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 1_000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = `${(ms % 60_000) / 1_000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function meter(perMinute: number | null, state: MeterState | null | undefined): readonly Meter[] {
  return perMinute === null || !state ? [] : [{ perMinute, state }];
}

function tightest(meters: readonly (readonly Meter[])[]): Meter | undefined {
  const [first] = meters.flat().toSorted((a, b) => leftOf(a) - leftOf(b));
  return first;
}

function leftOf({ perMinute, state }: Meter): number {
  return state.remaining / perMinute;
}
