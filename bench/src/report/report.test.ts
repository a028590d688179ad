import { expect, test } from "vitest";
import { comparisonTable, highestSustained, reportOf, type Results } from "./report.ts";
import type { Kind, StepResult } from "../measure/step.ts";
import { ratioText, tableOf, textOf } from "./table.ts";

const step = (kind: Kind, rate: number, change: Partial<StepResult> = {}): StepResult => ({
  kind,
  targetPerSecond: rate,
  scheduled: 5 * rate,
  actualPerSecond: rate,
  latencyMs: { p50: 1234.5, p95: 5678.9, p99: 9876.5 },
  answeredMs: { p50: 1.5, p95: 5.5, p99: 9.5 },
  providerCalls: 0,
  failures: {},
  cpuMsPerRequest: { ingress: 0.25, kafka: 0.5, simulator: 1, generator: 2 },
  otherProcessesCores: 0.25,
  ...change,
});
const results: Results = {
  commit: "0123456789 and changes",
  at: "2026-01-01T00:00:00.000Z",
  machine: {
    cores: 2,
    model: "Processor",
    memoryGiB: 24,
    node: "v24.0.0",
    system: "linux",
    loadAverage: [10.25, 10.25, 10.25],
  },
  rounds: 3,
  secondsPerStep: 5,
  startUpSeconds: { "inference-adapter": 1.2 },
  residentMiB: { "inference-adapter": 120 },
  idleCpuMsPerSecond: { "inference-adapter": 10 },
  pairs: [
    { sluice: step("exact-hit", 3_000), bare: step("exact-hit", 3_000) },
    { sluice: step("miss", 400), bare: step("miss", 400) },
  ],
};

test("the report fits 100 columns, even with latencies of seconds", () => {
  const lines = reportOf(results).split("\n");
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
  expect(lines.length).toBeGreaterThan(10);
});

test("a rate is sustained if nothing failed and at least 95 of 100 requests were answered in time", () => {
  const pairs = [100, 200, 300, 400].map((rate) => ({
    sluice: step("miss", rate, {
      ...(rate === 300 ? { actualPerSecond: 280 } : {}),
      ...(rate === 400 ? { failures: { "503": 1 } } : {}),
    }),
    bare: step("miss", rate),
  }));
  expect(highestSustained(pairs, "miss")?.targetPerSecond).toBe(200);
  expect(highestSustained(pairs, "exact-hit")).toBeUndefined();
});

test("another commit that needs twice the CPU gives a CPU ratio of 0.50", () => {
  const there = step("miss", 100, { cpuMsPerRequest: { ingress: 1.5 } });
  const [, row] = comparisonTable([{ here: step("miss", 100), there }]).split("\n");
  expect(row).toMatch(/0\.75 +1\.50 +0\.50x$/);
});

test("numbers have three significant digits, and a missing value is a dash", () => {
  expect([0.1234, 12.34, 123.4, 7, Infinity, Number.NaN].map(textOf)).toEqual([
    "0.12",
    "12.3",
    "123",
    "7",
    "-",
    "-",
  ]);
  expect(ratioText(3, 2)).toBe("1.50x");
  expect(ratioText(3, 0)).toBe("-");
});

test("columns are as wide as their widest cell, and numbers are aligned to the right", () => {
  expect(tableOf(["what", "ms"], [["hit", 1.5]])).toBe("what    ms\nhit   1.50");
});
