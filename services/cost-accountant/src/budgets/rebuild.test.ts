import { expect, test } from "vitest";
import { hasStored, needsRebuild } from "./rebuild.ts";

const began = { kind: "rebuilding" as const, sinceMs: 1_000 };

test("lost budgets are rebuilt at once, and open ones are not", () => {
  expect(needsRebuild({ kind: "lost" }, false, 0)).toBe(true);
  expect(needsRebuild({ kind: "ready" }, true, 0)).toBe(false);
});

test("the rebuild of another process is left alone for half a minute, and an own one that failed is not", () => {
  expect(needsRebuild(began, false, 31_000)).toBe(false);
  expect(needsRebuild(began, false, 31_001)).toBe(true);
  expect(needsRebuild(began, true, 1_000)).toBe(true);
});

test("intents are stored when every partition is committed to its end, and an empty one needs no commit", () => {
  const ends = new Map([
    [0, 4n],
    [1, 0n],
  ]);
  expect(hasStored(ends, new Map([[0, 4n]]))).toBe(true);
  expect(hasStored(ends, new Map([[0, 3n]]))).toBe(false);
  expect(hasStored(ends, new Map([[1, 9n]]))).toBe(false);
});
