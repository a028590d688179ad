import { describe, expect, it } from "vitest";
import { PartitionHolds } from "./partition-holds.ts";

function newHolds() {
  const calls: string[] = [];
  const holds = new PartitionHolds(
    (partition) => calls.push(`pause ${partition}`),
    (partition) => calls.push(`resume ${partition}`),
    (held) => calls.push(`held ${held}`),
  );
  return { holds, calls };
}

describe("partition holds", () => {
  it("fetches a partition again only when no reason is left", () => {
    const { holds, calls } = newHolds();
    holds.hold(1, "outage");
    holds.hold(1, "full");
    holds.release(1, "outage");
    expect(calls).toEqual(["pause 1", "held 1"]);
    holds.release(1, "full");
    expect(calls.slice(2)).toEqual(["resume 1", "held 0"]);
  });

  it("ignores the release of a reason for which the partition is not held", () => {
    const { holds, calls } = newHolds();
    holds.hold(1, "full");
    holds.release(1, "outage");
    holds.release(2, "full");
    expect(holds.isHeld(1, "full")).toBe(true);
    expect(calls).toEqual(["pause 1", "held 1"]);
  });

  it("forgets the reasons of an earlier assignment", () => {
    const { holds, calls } = newHolds();
    holds.hold(1, "full");
    holds.hold(2, "outage");
    holds.releaseAll();
    expect(calls.slice(4)).toEqual(["resume 1", "resume 2", "held 0"]);
    expect(holds.isHeld(1)).toBe(false);
  });
});
