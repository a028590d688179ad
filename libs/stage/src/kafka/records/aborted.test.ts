import { describe, expect, it } from "vitest";
import { hideAborted } from "./aborted.ts";
import type { FetchedRecord } from "./record-batch.ts";

function record(
  offset: number,
  producerId: string,
  changed: Partial<FetchedRecord> = {},
): FetchedRecord {
  return {
    ...{ magicByte: 2, attributes: 0, timestamp: "0", offset: String(offset), headers: {} },
    ...{ key: null, value: Buffer.from("v"), isControlRecord: false },
    batchContext: { producerId, inTransaction: true },
    ...changed,
  };
}

function marker(offset: number, producerId: string, type: "abort" | "commit"): FetchedRecord {
  const key = Buffer.from([0, 0, 0, type === "abort" ? 0 : 1]);
  return record(offset, producerId, { key, isControlRecord: true });
}

const visible = (records: readonly FetchedRecord[]) =>
  records.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset));

describe("messages of aborted transactions are hidden", () => {
  it("and those of a later transaction of the same producer are not", () => {
    const records = [
      record(0, "a"),
      marker(1, "a", "abort"),
      record(2, "a"),
      marker(3, "a", "commit"),
    ];
    expect(visible(hideAborted(records, [{ producerId: "a", firstOffset: "0" }]))).toEqual([2]);
  });

  it("in whichever order the broker names the transactions", () => {
    const records = [
      ...[record(0, "a"), record(1, "b"), record(2, "c"), record(3, "a"), record(4, "b")],
      ...[marker(5, "b", "abort"), record(6, "a"), marker(7, "a", "abort"), record(8, "c")],
    ];
    const aborted = [
      { producerId: "b", firstOffset: "1" },
      { producerId: "a", firstOffset: "0" },
    ];
    expect(visible(hideAborted(records, aborted))).toEqual([2, 8]);
    expect(visible(hideAborted(records, aborted.toReversed()))).toEqual([2, 8]);
  });

  it("if several of them began before the fetch", () => {
    const records = [record(10, "b"), record(11, "a"), record(12, "c")];
    const aborted = [
      { producerId: "a", firstOffset: "3" },
      { producerId: "b", firstOffset: "4" },
    ];
    expect(visible(hideAborted(records, aborted))).toEqual([12]);
  });

  it("although another message has the key of an abort marker", () => {
    const records = [record(0, "a", { key: Buffer.alloc(4) }), record(1, "a")];
    expect(visible(hideAborted(records, [{ producerId: "a", firstOffset: "0" }]))).toEqual([]);
  });

  it("but not messages that the producer sent outside of a transaction", () => {
    const records = [record(0, "a", { batchContext: { producerId: "a", inTransaction: false } })];
    expect(visible(hideAborted(records, [{ producerId: "a", firstOffset: "0" }]))).toEqual([0]);
  });

  it("and keep their offsets, so that reading continues behind them", () => {
    const records = [record(0, "a"), record(1, "a")];
    const hidden = hideAborted(records, [{ producerId: "a", firstOffset: "0" }]);
    expect(hidden.map(({ offset }) => offset)).toEqual(["0", "1"]);
    expect(hidden[0]).toMatchObject({ key: null, value: null, headers: {} });
  });
});
