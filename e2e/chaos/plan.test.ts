import { expect, test } from "vitest";
import { actions, describeStep, distanceSecondsMax, planOf, type Step } from "./plan.ts";

const targets = ["kafka", "registry", "redis", "cache-redis", "postgres", "ingress"];
const options = { seed: 7, targets, faults: 60, pairs: 20 };

function faultsOf(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ first, second }) =>
    [first, ...(second ? [second.fault] : [])].map((fault) => JSON.stringify(fault)),
  );
}

test("the same seed gives the same plan, and another seed gives another plan", () => {
  expect(planOf(options)).toEqual(planOf(options));
  expect(planOf({ ...options, seed: 8 })).not.toEqual(planOf(options));
});

test("a plan has the wanted numbers of steps and of pairs, with distances below the limit", () => {
  const steps = planOf(options);
  const pairs = steps.flatMap(({ second }) => second ?? []);
  expect(steps.map(({ number }) => number)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  expect(pairs).toHaveLength(20);
  expect(Math.max(...pairs.map(({ afterSeconds }) => afterSeconds))).toBeLessThanOrEqual(
    distanceSecondsMax,
  );
  expect(new Set(pairs.map(({ afterSeconds }) => afterSeconds)).size).toBeGreaterThan(10);
});

test("every target meets every action before one of them is repeated", () => {
  const own = faultsOf(planOf({ ...options, faults: 30, pairs: 0 }));
  expect(new Set(own).size).toBe(targets.length * actions.length);
});

test("no target is disturbed again by a single fault before all others were", () => {
  const own = planOf({ ...options, faults: 12, pairs: 0 }).map(({ first }) => first.target);
  expect(new Set(own.slice(0, 6)).size).toBe(6);
  expect(new Set(own.slice(6)).size).toBe(6);
});

test("a plan with pairs begins with the broker that is killed and frozen half a minute later", () => {
  const [step] = planOf(options);
  expect(describeStep(step!)).toMatch(
    /^kill of kafka, (27|28|29|30|31|32)(\.\d)? s later freeze of kafka for 12 s$/,
  );
  const others = planOf({ ...options, targets: ["redis"] });
  expect(faultsOf(others).filter((fault) => fault.includes("kafka"))).toEqual([]);
  expect(others).toHaveLength(60);
});
