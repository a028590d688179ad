import { describe, expect, test } from "vitest";
import { aDispatched, aHistory } from "../attempt/dispatched.fixture.ts";
import { failedWith, now, stepFor } from "./next-step.fixture.ts";

describe("a budget that refuses a candidate", () => {
  const window = {
    ...{ budget: "team", scope: "", opensAt: null, closesAt: now + 60_000 },
    ...{ limitNanoUsd: 5n, hard: true, version: 0n },
  };
  const shortage = (neededNanoUsd: bigint) => ({ window, neededNanoUsd, allowanceNanoUsd: 1n });

  test("leaves the request to the next candidate", () => {
    const shortages = new Map([["small", shortage(4n)]]);
    expect(stepFor({ shortages })).toMatchObject({ candidate: { variant: "large" } });
  });

  test("declines a request without a call if no candidate is left, and names the budget of the cheapest one", () => {
    const shortages = new Map([
      ["large", shortage(9n)],
      ["small", shortage(4n)],
    ]);
    expect(stepFor({ shortages })).toMatchObject({
      ...{ kind: "end", outcome: "declined", code: "budget_exceeded" },
      refusedBy: { budget: "team", resetsAt: now + 60_000 },
      reason: expect.stringContaining("may cost up to $0.000000004"),
    });
  });

  test("fails a request after a call", () => {
    const shortages = new Map([
      ["large", shortage(9n)],
      ["small", shortage(4n)],
    ]);
    const history = aHistory({ attempts: [failedWith({ code: "timed_out" })] });
    expect(stepFor({ shortages, history })).toMatchObject({
      ...{ kind: "end", outcome: "failed", code: "budget_exceeded" },
    });
  });
});

describe("a request that was admitted before Redis lost its data", () => {
  const lost = (changed = {}) => aHistory({ attemptsBefore: 8, ...changed });

  test("continues with the first number that no earlier attempt can have", () => {
    expect(stepFor({ history: lost() })).toMatchObject({ kind: "attempt", number: 9 });
    const attempts = [failedWith({ code: "rate_limited" }, 9)];
    expect(stepFor({ history: lost({ attempts }) })).toMatchObject({ kind: "attempt", number: 10 });
  });

  test("makes as many attempts as any other", () => {
    const attempts = [9, 10, 11, 12].map((number) => failedWith({ code: "timed_out" }, number));
    expect(stepFor({ history: lost({ attempts }) })).toMatchObject({ kind: "end" });
  });

  test("ends if it must not be paid twice, because an earlier attempt may have been billed", () => {
    const dispatched = aDispatched({ onDoubt: "fail" });
    expect(stepFor({ dispatched, history: lost() })).toMatchObject({ code: "in_doubt" });
  });

  test("ends if its client reads tokens, because it may have read the first ones of another answer", () => {
    const dispatched = aDispatched({ admitted: { reply: "live" } });
    expect(stepFor({ dispatched, history: lost() })).toMatchObject({ code: "stream_interrupted" });
  });
});
