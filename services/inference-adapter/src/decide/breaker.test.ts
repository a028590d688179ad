import * as fc from "fast-check";
import { expect, test } from "vitest";
import { begun, type Breaker, closed, ended, readyAtOf, type Verdict } from "./breaker.ts";

const policy = { failuresMax: 3, openMs: 1_000, openMsMax: 4_000 };
const failure: Verdict = { kind: "failure" };
const success: Verdict = { kind: "success" };

function after(verdicts: readonly Verdict[], now = 0, from: Breaker = closed): Breaker {
  return verdicts.reduce((breaker, verdict) => ended(breaker, verdict, policy, now), from);
}

test("the breaker opens after failures in a row, and one success resets the count", () => {
  expect(after([failure, failure, success, failure, failure])).toMatchObject({ kind: "closed" });
  expect(after([failure, failure, failure], 50)).toMatchObject({ kind: "open", until: 1_050 });
});

test("after the open time one call probes the provider while other calls wait", () => {
  const open = after([failure, failure, failure]);
  const probing = begun(open, policy, 1_000);
  expect(readyAtOf(open)).toBe(1_000);
  expect(readyAtOf(probing)).toBe(2_000);
  expect(after([success], 1_200, probing)).toEqual(closed);
});

test("a probe that fails doubles the open time, up to the limit", () => {
  let breaker = after([failure, failure, failure]);
  const times: number[] = [];
  for (let trip = 0; trip < 4; trip += 1) {
    const now = readyAtOf(breaker);
    breaker = ended(begun(breaker, policy, now), failure, policy, now);
    times.push(readyAtOf(breaker) - now);
  }
  expect(times).toEqual([2_000, 4_000, 4_000, 4_000]);
});

test("a provider that asks to wait is not called for that time", () => {
  expect(after([{ kind: "rest", restMs: 7_000 }], 100)).toMatchObject({ until: 7_100 });
});

test("a call that began before the breaker opened neither closes it nor extends the open time", () => {
  const open = after([failure, failure, failure]);
  expect(after([failure, success, failure], 500, open)).toEqual(open);
});

test("the breaker always permits a call again, after any sequence of ends", () => {
  const verdict = fc.oneof(
    fc.constant(failure),
    fc.constant(success),
    fc.record({ kind: fc.constant("rest" as const), restMs: fc.nat(10_000) }),
  );
  fc.assert(
    fc.property(fc.array(verdict), (verdicts) => {
      expect(readyAtOf(after(verdicts, 100))).toBeLessThanOrEqual(100 + 10_000);
    }),
  );
});
