import { expect, test } from "vitest";
import { isForgotten } from "./freshness.ts";

const now = 1_800_000_000_000;
const minuteMs = 60_000;

test("an id may be forgotten if the message was appended, or first signed, about three days ago", () => {
  const hourMs = 60 * minuteMs;
  const [young, old] = [now - 71 * hourMs, now - 71 * hourMs - 1];
  expect(isForgotten(String(young), young, now)).toBe(false);
  expect(isForgotten(String(old), old, now)).toBe(true);
  expect(isForgotten(String(young), old, now)).toBe(true);
  // A replayed dead letter has a new append time and its first signature.
  expect(isForgotten(String(old), now, now)).toBe(true);
});
