import { expect, test } from "vitest";
import { parseStat, snapshotOf } from "./processes.ts";

test("a process's CPU is user and system time, whatever its name holds", () => {
  const stat =
    "42 (node) 7 (x) S 7 42 42 0 -1 4194304 9 0 0 0 150 50 3 4 20 0 11 0 900 1000000 2560 18446744073709551615 1 1";
  expect(parseStat(stat)).toEqual({
    parent: 7,
    cpuMs: 2_000,
    endedChildrenCpuMs: 70,
    residentMiB: 10,
  });
});

test("this process is seen to work and to hold memory, and one that is gone counts nothing", () => {
  const { cpuMs, residentMiB, machineCpuMs } = snapshotOf({ own: process.pid, gone: 2 ** 30 });
  expect(cpuMs["own"]).toBeGreaterThan(0);
  expect(residentMiB["own"]).toBeGreaterThan(10);
  expect(cpuMs["gone"]).toBe(0);
  expect(machineCpuMs).toBeGreaterThanOrEqual(cpuMs["own"] ?? Infinity);
});
