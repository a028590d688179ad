import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fakeServer, temporaryDir } from "../../test/fake-program.ts";
import { findFreePorts } from "../ports.ts";
import { bornAt, identityOf, isAlive } from "./processes.ts";
import type { Program } from "./program.ts";
import type { RecordedProgram } from "../state-file.ts";
import { fingerprintOf, type ProgramRecords, restartDelayMs, Supervisor } from "./supervisor.ts";

const checks = { intervalMs: 50, answerMs: 100, silentMax: 5 };
const never = new AbortController().signal;
let records: Map<string, RecordedProgram | null>;
let lines: string[];
let logDir: string;
let port: number;
let supervisors: Supervisor[];

beforeEach(async () => {
  records = new Map();
  lines = [];
  logDir = temporaryDir();
  supervisors = [];
  [port = 0] = await findFreePorts(1);
});

afterEach(async () => {
  await Promise.all(supervisors.map((supervisor) => supervisor.stop("server")));
});

function newSupervisor(): Supervisor {
  const store: ProgramRecords = {
    recordOf: (name) => records.get(name) ?? undefined,
    record: (name, program) => void records.set(name, program),
  };
  const report = (name: string, text: string) => lines.push(`${name} ${text}`);
  const supervisor = new Supervisor(logDir, store, report, checks);
  supervisors.push(supervisor);
  return supervisor;
}

async function started(program: Program): Promise<{ supervisor: Supervisor; pid: number }> {
  const supervisor = newSupervisor();
  await supervisor.start(program, never);
  return { supervisor, pid: supervisor.identityOf("server")?.pid ?? 0 };
}

/** Starts a recorded process that no supervisor watches, as a launcher that was killed leaves it behind. */
async function orphanOf(program: Program): Promise<number> {
  const { command, args, environment: env } = program;
  const child = spawn(command, args, { env, detached: true, stdio: "ignore" });
  const identity = identityOf(child.pid ?? 0) ?? { pid: 0, born: "" };
  const { stopSignal } = program;
  records.set("server", { ...identity, fingerprint: fingerprintOf(program), stopSignal });
  while (!(await program.isReady())) await sleep(20);
  return identity.pid;
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition() && waitedMs < 5000; waitedMs += 20) await sleep(20);
  expect(condition()).toBe(true);
}

test("a program that is killed is restarted, and both events are reported", async () => {
  const { supervisor, pid } = await started(fakeServer("server", port));
  process.kill(pid, "SIGKILL");
  await eventually(() => lines.some((line) => line.includes("ready again")));
  expect(lines.join("\n")).toMatch(/ended with SIGKILL; starting it again in 0.5 s/);
  expect(supervisor.identityOf("server")?.pid).not.toBe(pid);
  expect(supervisor.isReady("server")).toBe(true);
});

test("a program that hangs is ended and restarted, also one that was adopted", async () => {
  await orphanOf(fakeServer("server", port));
  const { supervisor, pid } = await started(fakeServer("server", port));
  await fetch(`http://127.0.0.1:${port}/hang`, { signal: AbortSignal.timeout(100) }).catch(
    () => {},
  );
  await eventually(() => lines.some((line) => line.includes("ready again")));
  expect(lines.join("\n")).toMatch(/did not answer 5 health checks in a row; ending it/);
  expect(bornAt(pid)).toBeUndefined();
  expect(supervisor.isReady("server")).toBe(true);
});

test("a program that is frozen for a shorter time, or closes its port, is not ended", async () => {
  const { pid } = await started(fakeServer("server", port));
  process.kill(pid, "SIGSTOP");
  await sleep(3 * (checks.intervalMs + checks.answerMs));
  process.kill(pid, "SIGCONT");
  await sleep(checks.intervalMs + checks.answerMs);
  await fetch(`http://127.0.0.1:${port}/close`);
  await sleep(2 * checks.silentMax * (checks.intervalMs + checks.answerMs));
  expect(lines.filter((line) => line.includes("health"))).toEqual([]);
  expect(bornAt(pid)).toBeDefined();
});

test("a stopped program is not restarted and is recorded as stopped", async () => {
  const { supervisor, pid } = await started(fakeServer("server", port));
  await supervisor.stop("server");
  await sleep(700);
  expect(bornAt(pid)).toBeUndefined();
  expect(records.get("server")).toBeNull();
});

test("a program that ignores its stop signal is killed after the grace period", async () => {
  const program = fakeServer("server", port, "ignores-sigterm");
  const { supervisor, pid } = await started({ ...program, stopGraceMs: 200 });
  await supervisor.stop("server");
  expect(bornAt(pid)).toBeUndefined();
});

test("a program that exits before it is ready fails the start, and the error shows the end of its log", async () => {
  const supervisor = newSupervisor();
  const start = supervisor.start(fakeServer("server", port, "ends-at-once"), never);
  await expect(start).rejects.toThrow(/exit code 3[\s\S]*cannot read the configuration/);
  expect(readFileSync(join(logDir, "server.log"), "utf8").match(/cannot read/g)).toHaveLength(2);
});

test("a process of a killed launcher is adopted if it still answers", async () => {
  const orphan = await orphanOf(fakeServer("server", port));
  const { pid } = await started(fakeServer("server", port));
  expect(pid).toBe(orphan);
  expect(lines.at(-1)).toMatch(/still running/);
});

test("a process of a killed launcher with another environment is stopped and started again", async () => {
  const program = fakeServer("server", port);
  const orphan = await orphanOf(program);
  const environment = { ...program.environment, CHANGED: "1" };
  const { pid } = await started({ ...program, environment });
  expect(pid).not.toBe(orphan);
  expect(bornAt(orphan)).toBeUndefined();
});

test("a process of a program that is not adoptable is replaced, because it may run an older build", async () => {
  const orphan = await orphanOf(fakeServer("server", port));
  const { pid } = await started({ ...fakeServer("server", port), adoptable: false });
  expect(pid).not.toBe(orphan);
});

test("an adopted process that dies later is restarted", async () => {
  const orphan = await orphanOf(fakeServer("server", port));
  const { supervisor } = await started(fakeServer("server", port));
  process.kill(orphan, "SIGKILL");
  await eventually(() => lines.some((line) => line.includes("ready again")));
  expect(supervisor.identityOf("server")?.pid).not.toBe(orphan);
});

test("a recycled pid is neither adopted nor signalled", async () => {
  const recycled = { pid: process.pid, born: "another time" };
  records.set("server", { ...recycled, fingerprint: "", stopSignal: "SIGKILL" });
  const { pid } = await started(fakeServer("server", port));
  expect(pid).not.toBe(process.pid);
  expect(isAlive({ pid: process.pid, born: bornAt(process.pid) ?? "" })).toBe(true);
});

test("a process whose start was interrupted can still be stopped", async () => {
  const supervisor = newSupervisor();
  const interrupt = new AbortController();
  const program = { ...fakeServer("server", port), isReady: async () => false };
  const start = supervisor.start(program, interrupt.signal);
  await eventually(() => records.get("server") !== undefined);
  interrupt.abort();
  await expect(start).rejects.toThrow(/The start was interrupted/);
  await supervisor.stop("server");
  expect(records.get("server")).toBeNull();
});

test("the delay before a restart doubles with each failure, up to fifteen seconds", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(restartDelayMs)).toEqual([
    500, 1000, 2000, 4000, 8000, 15_000, 15_000,
  ]);
});
