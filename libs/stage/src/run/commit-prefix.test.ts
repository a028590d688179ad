import { assert, integer, property, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";
import { CommitPrefix } from "./commit-prefix.ts";

function admitted(...offsets: bigint[]): CommitPrefix {
  const prefix = new CommitPrefix();
  for (const offset of offsets) prefix.admit(offset);
  return prefix;
}

describe("commit prefix", () => {
  it("commits nothing while the first message runs", () => {
    const prefix = admitted(5n, 6n, 7n);
    prefix.finish(6n);
    prefix.finish(7n);
    expect(prefix.committable()).toBeUndefined();
    expect(prefix.outstanding).toBe(3);
  });

  it("commits past everything finished once the first message ends", () => {
    const prefix = admitted(5n, 6n, 7n, 8n);
    prefix.finish(6n);
    prefix.finish(5n);
    expect(prefix.committable()).toBe(7n);
    expect(prefix.outstanding).toBe(2);
  });

  it("passes over the gaps that compaction leaves", () => {
    const prefix = admitted(5n, 9n, 30n);
    prefix.finish(5n);
    prefix.finish(9n);
    expect(prefix.committable()).toBe(10n);
  });

  it("offers an offset once", () => {
    const prefix = admitted(1n);
    prefix.finish(1n);
    prefix.markCommitted(2n);
    expect(prefix.committable()).toBeUndefined();
  });

  it("refuses a message that it has admitted already", () => {
    const prefix = admitted(1n, 2n);
    expect(prefix.admit(2n)).toBe(false);
    prefix.finish(1n);
    prefix.finish(2n);
    expect(prefix.admit(1n)).toBe(false);
    expect(prefix.admit(3n)).toBe(true);
  });

  it("never passes an unfinished message, in whatever order messages end", () => {
    const order = uniqueArray(integer({ min: 0, max: 199 }), { maxLength: 200 });
    assert(
      property(order, (ended) => {
        const offsets = Array.from({ length: 200 }, (_, index) => BigInt(index * 3));
        const prefix = admitted(...offsets);
        for (const index of ended) prefix.finish(BigInt(index * 3));
        const done = new Set(ended);
        const firstOpen = offsets.findIndex((_, index) => !done.has(index));
        const last = firstOpen === -1 ? 199 : firstOpen - 1;
        expect(prefix.committable()).toBe(last < 0 ? undefined : BigInt(last * 3) + 1n);
      }),
    );
  });
});
