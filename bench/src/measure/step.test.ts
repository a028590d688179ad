import { expect, test } from "vitest";
import { bestOf, cpuOf, type StepResult, unansweredShareOf } from "./step.ts";

const round = (p95: number, failed = 0): StepResult => ({
  kind: "miss",
  targetPerSecond: 100,
  scheduled: 100,
  actualPerSecond: 100,
  latencyMs: { p50: 1, p95, p99: Infinity },
  answeredMs: { p50: 1, p95: 1, p99: 1 },
  providerCalls: 0,
  failures: failed > 0 ? { "503": failed } : {},
  cpuMsPerRequest: { ingress: 1, redis: 0.5, simulator: 9, generator: 9 },
  otherProcessesCores: 0,
});

test("the best of three rounds is the one with the lowest P95", () => {
  expect(bestOf([round(90), round(70), round(Infinity)])).toEqual(round(70));
});

test("a round without failures is better than a faster one with a failure", () => {
  expect(bestOf([round(10, 1), round(90)])).toEqual(round(90));
});

test("the CPU of a request includes services and stores, but neither the generator nor the simulator", () => {
  expect(cpuOf(round(1))).toBe(1.5);
});

test("the share of unanswered requests is that of all scheduled ones", () => {
  expect(unansweredShareOf(round(10, 25))).toBe(0.25);
});
