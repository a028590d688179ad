import { expect, test } from "vitest";
import { retryAfterMsOf } from "./retry-after.ts";

const now = Date.parse("2026-01-01T00:00:00Z");
const asked = (headers: Record<string, string>): number | null =>
  retryAfterMsOf((name) => headers[name] ?? null, now);

test("seconds, milliseconds and dates are understood", () => {
  expect(asked({ "retry-after": "2" })).toBe(2_000);
  expect(asked({ "retry-after": "0.25" })).toBe(250);
  expect(asked({ "retry-after-ms": "1500", "retry-after": "9" })).toBe(1_500);
  expect(asked({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" })).toBe(30_000);
});

test("a date that has passed asks for nothing, and nonsense says nothing", () => {
  expect(asked({ "retry-after": "Wed, 31 Dec 2025 23:00:00 GMT" })).toBe(0);
  expect(asked({ "retry-after": "soon" })).toBeNull();
  expect(asked({})).toBeNull();
});
