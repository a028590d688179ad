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
  it("hold at most so many messages", () => {
    expect(cut([1, 1, 1, 1, 1], { messages: 2, bytes: 100 })).toEqual([[0, 1], [2, 3], [4]]);
  });

  it("hold at most so many bytes", () => {
    expect(cut([60, 60, 30], { messages: 9, bytes: 100 })).toEqual([[0], [1, 2]]);
  });

  it("give a message beyond the limit a slice of its own", () => {
    expect(cut([1, 500, 1], { messages: 9, bytes: 100 })).toEqual([[0], [1], [2]]);
  });

  it("are none when nothing came", () => {
    expect(cut([], { messages: 9, bytes: 100 })).toEqual([]);
  });
});
