import { expect, test } from "vitest";
import { MergeRanks, none } from "./merge-ranks.ts";

/** More than the pairs that are remembered, so that each place is used by several. */
const tokens = 400_000;
const bytesOf = (token: number) => token.toString(36).padStart(4, "0");

test("a pair merges into its own token, whichever pairs were looked up before", () => {
  const ranks = new Map<string, number>();
  // A third of the pairs with the token 7 are tokens.
  for (let other = 0; other < tokens; other += 3) {
    ranks.set(bytesOf(7) + bytesOf(other), other);
    ranks.set(bytesOf(other) + bytesOf(7), other);
  }
  const merges = new MergeRanks(ranks);
  const mergedInto = (left: number, right: number) =>
    merges.mergedInto(left, right, `<${bytesOf(left)}${bytesOf(right)}>`, 1, 9);
  const wrong: number[] = [];
  for (let other = 0; other < tokens; other += 1) {
    const expected = other % 3 === 0 ? other : none;
    const merged = [mergedInto(7, other), mergedInto(7, other), mergedInto(other, 7)];
    if (merged.some((token) => token !== expected)) wrong.push(other);
  }
  expect(wrong).toEqual([]);
});

test("no pair that is longer than every token is one", () => {
  const merges = new MergeRanks(new Map([["ab", 0]]));
  expect(merges.mergedInto(1, 2, "abc", 0, 2)).toBe(0);
  expect(merges.mergedInto(1, 3, "abc", 0, 3)).toBe(none);
});
