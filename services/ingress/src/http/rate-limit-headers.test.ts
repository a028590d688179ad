import { expect, test } from "vitest";
import { durationText, rateLimitHeadersOf } from "./rate-limit-headers.ts";

const none = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null };

test("a request without limits has no headers", () => {
  expect(rateLimitHeadersOf([], [])).toEqual({});
  expect(
    rateLimitHeadersOf(
      [{ ...none, scope: "a", concurrency: 1 }],
      [{ requests: null, tokens: null }],
    ),
  ).toEqual({});
});

test("of several limits, the one that is nearest to its end is shown, for requests and for tokens", () => {
  const limits = [
    { ...none, scope: "a", requestsPerMinute: 10, tokensPerMinute: 1_000 },
    { ...none, scope: "b", requestsPerMinute: 100 },
    { ...none, scope: "c", tokensPerMinute: 150_000 },
  ];
  const states = [
    { requests: { remaining: 9, resetMs: 6_000 }, tokens: { remaining: 999, resetMs: 60 } },
    { requests: { remaining: 50, resetMs: 30_000 }, tokens: null },
    { requests: null, tokens: { remaining: 0, resetMs: 360_000 } },
  ];
  expect(rateLimitHeadersOf(limits, states)).toEqual({
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "50",
    "x-ratelimit-reset-requests": "30s",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
  });
});

test.each([
  [0, "0s"],
  [12, "12ms"],
  [1_000, "1s"],
  [8_640, "8.64s"],
  [60_000, "1m0s"],
  [86_400, "1m26.4s"],
  [360_000, "6m0s"],
  [3_600_000, "1h0m0s"],
])("%i milliseconds are shown as %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
