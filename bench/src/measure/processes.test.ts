import { expect, test } from "vitest";
import { parseStat, snapshotOf } from "./processes.ts";

test("the CPU of a process is its user and system time, even if its name contains parentheses", () => {
  const stat =
    "42 (node) 7 (x) S 7 42 42 0 -1 4194304 9 0 0 0 150 50 3 4 20 0 11 0 900 1000000 2560 18446744073709551615 1 1";
  expect(parseStat(stat)).toEqual({
    parent: 7,
    cpuMs: 2_000,
    endedChildrenCpuMs: 70,
    residentMiB: 10,
  });
});

test("this process has used CPU and memory, and a process that has exited counts as zero", () => {
  const { cpuMs, residentMiB, machineCpuMs } = snapshotOf({ own: process.pid, gone: 2 ** 30 });
  expect(cpuMs["own"]).toBeGreaterThan(0);
  expect(residentMiB["own"]).toBeGreaterThan(10);
  expect(cpuMs["gone"]).toBe(0);
  expect(machineCpuMs).toBeGreaterThanOrEqual(cpuMs["own"] ?? Infinity);
});
