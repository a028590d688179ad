import { describe, expect, it } from "vitest";
import { ConcurrentProgress } from "./concurrent-progress.ts";

function assigned(...partitions: number[]): ConcurrentProgress {
  const progress = new ConcurrentProgress();
  progress.restart(partitions);
  return progress;
}

describe("progress of a concurrent stage", () => {
  it("commits each partition's own prefix", () => {
    const progress = assigned(0, 1);
    for (const partition of [0, 1])
      for (const offset of [7n, 8n]) progress.admit(partition, offset);
    progress.finish(0, 7n);
    progress.finish(1, 8n);
    expect([...progress.committable()]).toEqual([[0, 8n]]);
  });

  it("does not run a message again that ended while the partition was not assigned", () => {
    const progress = assigned(0);
    expect(progress.admit(0, 7n)).toBe("new");
    progress.restart([]);
    progress.finish(0, 7n);
    expect(progress.committable().size).toBe(0);
    progress.restart([0]);
    expect(progress.admit(0, 7n)).toBe("done");
    expect([...progress.committable()]).toEqual([[0, 8n]]);
  });

  it("remembers what was finished behind a running message, over a rebalance", () => {
    const progress = assigned(0);
    for (const offset of [1n, 2n]) progress.admit(0, offset);
    progress.finish(0, 2n);
    progress.restart([0]);
    expect([progress.admit(0, 1n), progress.admit(0, 2n)]).toEqual(["new", "done"]);
    expect(progress.committable().size).toBe(0);
  });

  it("ignores a message of a partition that is not assigned", () => {
    expect(assigned(0).admit(3, 1n)).toBe("known");
  });

  it("forgets what is committed", () => {
    const progress = assigned(0);
    progress.admit(0, 1n);
    progress.finish(0, 1n);
    progress.committed(progress.committable());
    progress.restart([0]);
    expect(progress.admit(0, 1n)).toBe("new");
  });
});
