import { describe, expect, it } from "vitest";
import type { RawMessage } from "../core/raw-message.ts";
import { slicesOf } from "./slices.ts";

function message(offset: number, bytes: number): RawMessage {
  return {
    topic: "t",
    partition: 0,
    offset: BigInt(offset),
    key: null,
    value: Buffer.alloc(bytes),
    headers: {},
    appendedAt: 0,
  };
}

const cut = (sizes: number[], limits: { messages: number; bytes: number }) =>
  [
    ...slicesOf(
      sizes.map((bytes, index) => message(index, bytes)),
      limits,
    ),
  ].map((slice) => slice.map(({ offset }) => Number(offset)));

describe("slices", () => {
  it("hold no more messages than their limit", () => {
    expect(cut([1, 1, 1, 1, 1], { messages: 2, bytes: 100 })).toEqual([[0, 1], [2, 3], [4]]);
  });

  it("hold no more bytes than their limit", () => {
    expect(cut([60, 60, 30], { messages: 9, bytes: 100 })).toEqual([[0], [1, 2]]);
  });

  it("hold a message beyond the limit alone", () => {
    expect(cut([1, 500, 1], { messages: 9, bytes: 100 })).toEqual([[0], [1], [2]]);
  });

  it("do not exist for an empty batch", () => {
    expect(cut([], { messages: 9, bytes: 100 })).toEqual([]);
  });
});
