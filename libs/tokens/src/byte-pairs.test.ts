import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { BytePairs } from "./byte-pairs.ts";
import { MergeRanks } from "./merge-ranks.ts";

/** A vocabulary of two letters, whose lists are as long as those of a real one. */
const ranks = new Map(
  Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(byte), byte] as const),
);
ranks.set("ab", 256);
ranks.set("the last token", 199_999);
const listBytes = 9 * 200_000;

function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().arrayBuffers;
}

test("pieces that are counted at the same time keep the memory of two, and an abandoned one keeps none", async () => {
  const pairs = new BytePairs(new MergeRanks(ranks));
  const before = usedBytes();
  const startOne = () => {
    const work = pairs.countOfLong("ab".repeat(20_000));
    expect(work.next().done).toBe(false);
    return work;
  };
  const finish = (work: Generator<void, number>): number => {
    for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
  };
  const [abandoned, ...others] = Array.from({ length: 8 }, startOne);
  abandoned!.return(0);
  expect(others.splice(0).map(finish)).toEqual(Array(7).fill(20_000));
  // The collector may free an array somewhat later.
  await expect.poll(() => usedBytes() - before, { timeout: 10_000 }).toBeLessThan(3 * listBytes);
  // The lists that are used again are empty.
  expect([startOne(), startOne(), startOne()].map(finish)).toEqual(Array(3).fill(20_000));
});
