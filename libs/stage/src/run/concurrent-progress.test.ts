import { describe, expect, it } from "vitest";
import type { RawMessage } from "../core/raw-message.ts";
import { ConcurrentProgress } from "./concurrent-progress.ts";

function assigned(...partitions: number[]): ConcurrentProgress {
  const progress = new ConcurrentProgress();
  progress.restart(partitions);
  return progress;
}

/** @param appendedAt differs for a message that another one at the same offset has replaced */
function at(partition: number, offset: bigint, appendedAt = 0): RawMessage {
  return { topic: "t", partition, offset, key: null, value: null, headers: {}, appendedAt };
}

describe("progress of a concurrent stage", () => {
  it("commits each partition's own prefix", () => {
    const progress = assigned(0, 1);
    for (const partition of [0, 1])
      for (const offset of [7n, 8n]) progress.admit(at(partition, offset));
    progress.finish(at(0, 7n));
    progress.finish(at(1, 8n));
    expect([...progress.committable()]).toEqual([[0, 8n]]);
  });

  it("does not run a message again that ended while the partition was not assigned", () => {
    const progress = assigned(0);
    expect(progress.admit(at(0, 7n))).toBe("new");
    progress.restart([]);
    progress.finish(at(0, 7n));
    expect(progress.committable().size).toBe(0);
    progress.restart([0]);
    expect(progress.admit(at(0, 7n))).toBe("done");
    expect([...progress.committable()]).toEqual([[0, 8n]]);
  });

  it("remembers what was finished behind a running message, over a rebalance", () => {
    const progress = assigned(0);
    for (const offset of [1n, 2n]) progress.admit(at(0, offset));
    progress.finish(at(0, 2n));
    progress.restart([0]);
    expect([progress.admit(at(0, 1n)), progress.admit(at(0, 2n))]).toEqual(["new", "done"]);
    expect(progress.committable().size).toBe(0);
  });

  it("ignores a message of a partition that is not assigned", () => {
    expect(assigned(0).admit(at(3, 1n))).toBe("known");
  });

  it("forgets what is committed", () => {
    const progress = assigned(0);
    progress.admit(at(0, 1n));
    progress.finish(at(0, 1n));
    progress.committed(progress.committable());
    progress.restart([0]);
    expect(progress.admit(at(0, 1n))).toBe("new");
  });

  it("takes another message at a finished offset for a new one, as after the topic was created again", () => {
    const progress = assigned(0);
    for (const offset of [7n, 8n]) progress.admit(at(0, offset, 1));
    progress.restart([]);
    for (const offset of [7n, 8n]) progress.finish(at(0, offset, 1));
    progress.restart([0]);
    expect([progress.admit(at(0, 7n, 2)), progress.admit(at(0, 8n, 2))]).toEqual(["new", "new"]);
    expect(progress.committable().size).toBe(0);
  });

  it("does not finish a message because a deleted one at its offset has ended", () => {
    const progress = assigned(0);
    progress.admit(at(0, 7n, 1));
    progress.restart([0]);
    progress.admit(at(0, 7n, 2));
    progress.finish(at(0, 7n, 1));
    expect(progress.committable().size).toBe(0);
    progress.finish(at(0, 7n, 2));
    expect([...progress.committable()]).toEqual([[0, 8n]]);
  });
});
