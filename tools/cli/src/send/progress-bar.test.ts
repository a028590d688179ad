import { expect, test } from "vitest";
import { barOf } from "./progress-bar.ts";

test("a bar shows the progress, the time left and the number of failures", () => {
  expect(barOf(0, 200, 0, 0)).toBe(`[${".".repeat(30)}] 0/200`);
  expect(barOf(50, 200, 0, 10)).toBe(`[${"#".repeat(7)}${".".repeat(23)}] 50/200, 30 s left`);
  expect(barOf(200, 200, 3, 40)).toBe(`[${"#".repeat(30)}] 200/200, 3 unanswered, 0 s left`);
  expect(barOf(0, 0, 0, 0)).toBe(`[${".".repeat(30)}] 0/0`);
});

test("a bar fits a line of 80 columns", () => {
  expect(barOf(999_999, 1_000_000, 999_999, 99_999_999).length).toBeLessThan(80);
});
