import { expect, test } from "vitest";
import { isForgotten, isFresh } from "./freshness.ts";

const now = 1_800_000_000_000;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

test("a signature is fresh for five minutes before and after the append time", () => {
  expect(isFresh(String(now - 5 * minuteMs), now, undefined)).toBe(true);
  expect(isFresh(String(now + 5 * minuteMs), now, undefined)).toBe(true);
  expect(isFresh(String(now - 5 * minuteMs - 1), now, undefined)).toBe(false);
  expect(isFresh(String(now + 5 * minuteMs + 1), now, undefined)).toBe(false);
});

test("a replayed dead letter may be three days old, but not from the future", () => {
  expect(isFresh(String(now - 3 * dayMs), now, now)).toBe(true);
  expect(isFresh(String(now - 3 * dayMs - 1), now, now)).toBe(false);
  expect(isFresh(String(now + 6 * minuteMs), now, now)).toBe(false);
});

test("a replay counts for five minutes, so that its recording is worth nothing later", () => {
  const issuedAt = String(now - dayMs);
  for (const offset of [-5 * minuteMs, 0, 5 * minuteMs])
    expect(isFresh(issuedAt, now, now + offset)).toBe(true);
  for (const offset of [-5 * minuteMs - 1, 5 * minuteMs + 1])
    expect(isFresh(issuedAt, now, now + offset)).toBe(false);
});

test.each(["", "soon", "-1", "1e12", " 1800000000000", "1800000000000000"])(
  "'%s' is not a valid time of issue",
  (issuedAt) => {
    expect(isFresh(issuedAt, now, now)).toBe(false);
  },
);

test("an id may be forgotten if the message was appended, or first signed, about three days ago", () => {
  const hourMs = 60 * minuteMs;
  const [young, old] = [now - 71 * hourMs, now - 71 * hourMs - 1];
  expect(isForgotten(String(young), young, now)).toBe(false);
  expect(isForgotten(String(old), old, now)).toBe(true);
  expect(isForgotten(String(young), old, now)).toBe(true);
  // A replayed dead letter has a new append time and its first signature.
  expect(isForgotten(String(old), now, now)).toBe(true);
});
