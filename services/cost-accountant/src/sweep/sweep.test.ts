import { expect, test } from "vitest";
import { book, calledAt, intentOf } from "../../test/fixtures.ts";
import { chargeOf } from "../charge/charge.ts";
import { estimateOf, isFoldedTo, overdueBefore, watchesFor } from "./sweep.ts";

const open = (partition: number, attemptId: string) => ({
  partition,
  intent: intentOf({ attemptId }),
});
const watch = { partition: 3, mark: 10n, attempts: [] };

test("an attempt is overdue only after its deadline and the grace period", () => {
  const { deadlineAt } = intentOf();
  expect(deadlineAt < overdueBefore(deadlineAt + 60_000, 60_000)).toBe(false);
  expect(deadlineAt < overdueBefore(deadlineAt + 60_001, 60_000)).toBe(true);
});

test("a partition is not swept before it is folded up to its mark", () => {
  expect(isFoldedTo(watch, new Map([[3, 9n]]))).toBe(false);
  expect(isFoldedTo(watch, new Map([[3, 10n]]))).toBe(true);
  expect(isFoldedTo(watch, new Map([[2, 10n]]))).toBe(false);
});

test("a partition without messages counts as folded", () => {
  expect(isFoldedTo({ ...watch, mark: 0n }, new Map())).toBe(true);
});

test("each partition is watched up to its own end, and not watched if its end is unknown", () => {
  const watches = watchesFor(
    [open(0, "a"), open(1, "b"), open(0, "c"), open(2, "d")],
    new Map([
      [0, 7n],
      [1, 0n],
    ]),
  );
  expect(
    watches.map(({ partition, mark, attempts }) => [
      partition,
      mark,
      attempts.map(({ attemptId }) => attemptId),
    ]),
  ).toEqual([
    [0, 7n, ["a", "c"]],
    [1, 0n, ["b"]],
  ]);
});

test("the estimate is an upper bound: the estimated input, and every answer at its output limit", () => {
  const estimate = estimateOf(intentOf(), calledAt + 999);
  expect(estimate).toMatchObject({
    attemptId: "attempt",
    kind: "estimated",
    reason: "swept",
    calledAt,
    meteredAt: calledAt + 999,
    usage: { inputTokens: 50n, outputTokens: 400n },
    estimatedFigures: ["inputTokens", "outputTokens"],
  });
  expect(chargeOf(estimate, [], book, calledAt)).toMatchObject({
    entry: { charge: { amountNanoUsd: 1_650_000n } },
  });
});
