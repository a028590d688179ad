import { expect, test } from "vitest";
import type { FetchedRecord } from "../records/record-batch.ts";
import { advance, isBehind, type Position } from "./positions.ts";

const context = { producerId: "-1", inTransaction: false };

function recordAt(offset: number, isControlRecord = false): FetchedRecord {
  return {
    ...{ magicByte: 2, attributes: 0, timestamp: "0", offset: String(offset), isControlRecord },
    ...{ key: null, value: null, headers: {}, batchContext: context },
  };
}

const from = (next: bigint): Position => ({ topic: "t", partition: 0, next, end: 10n });
const fetched = (messages: readonly FetchedRecord[], highWatermark = "10") => ({
  partition: 0,
  highWatermark,
  messages,
});

test("messages before the position are left out, because a fetch begins with a whole batch", () => {
  const position = from(4n);
  const taken = advance(position, fetched([3, 4, 5].map((at) => recordAt(at))), false);
  expect(taken.map(({ offset }) => offset)).toEqual(["4", "5"]);
  expect(position.next).toBe(6n);
});

test("the marker of a transaction is passed and not taken", () => {
  const position = from(9n);
  expect(advance(position, fetched([recordAt(9, true)]), false)).toEqual([]);
  expect(position.next).toBe(10n);
});

test("a partition whose last messages were compacted away is read to its end, once it was fetched alone", () => {
  const position = from(7n);
  advance(position, fetched([]), false);
  expect([position.next, isBehind(position, fetched([]))]).toEqual([7n, true]);
  advance(position, fetched([]), true);
  expect([position.next, isBehind(position, fetched([]))]).toEqual([10n, false]);
});

test("a watermark that has fallen never moves the position back", () => {
  const position = from(7n);
  advance(position, fetched([], "3"), true);
  expect(position.next).toBe(7n);
});
