import { expect, test } from "vitest";
import { retryAfterMsOf, retryDelayMsOf } from "./retry-after.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const retryAfter = (headers: Record<string, string>): number | null =>
  retryAfterMsOf((name) => headers[name] ?? null, now);

test("seconds, milliseconds and dates are read", () => {
  expect(retryAfter({ "retry-after": "2" })).toBe(2_000);
  expect(retryAfter({ "retry-after": "0.25" })).toBe(250);
  expect(retryAfter({ "retry-after-ms": "1500", "retry-after": "9" })).toBe(1_500);
  expect(retryAfter({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" })).toBe(30_000);
});

test("no more than a day is believed", () => {
  const day = 86_400_000;
  expect(retryAfter({ "retry-after": "9".repeat(400) })).toBe(day);
  expect(retryAfter({ "retry-after-ms": "1" + "0".repeat(30) })).toBe(day);
  expect(retryAfter({ "retry-after": "Fri, 01 Jan 2100 00:00:00 GMT" })).toBe(day);
});

test("a date in the past is a wait of zero, and an unreadable value is ignored", () => {
  expect(retryAfter({ "retry-after": "Wed, 31 Dec 2025 23:00:00 GMT" })).toBe(0);
  expect(retryAfter({ "retry-after": "soon" })).toBeNull();
  expect(retryAfter({})).toBeNull();
});

test("a duration of Google's APIs is seconds, of which no more than a day is believed", () => {
  expect(retryDelayMsOf("34s")).toBe(34_000);
  expect(retryDelayMsOf("0.25s")).toBe(250);
  expect(retryDelayMsOf(`${"9".repeat(400)}s`)).toBe(86_400_000);
  expect(["34", "s", "-1s", "1m", 34, null].map(retryDelayMsOf)).toEqual(Array(6).fill(null));
});
