import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StackFault, throwIfInterrupted } from "../faults.ts";
import { endIfSilent, type HealthChecks, healthChecks } from "./health.ts";
import { bornAt, isAlive, type ProcessIdentity, stopProcess, waitForEnd } from "./processes.ts";
import { type Program, type Report, secondsSince, STOP_GRACE_MS } from "./program.ts";
import type { RecordedProgram } from "../state-file.ts";

const START_LIMIT_MS = 60_000;
const PROBE_INTERVAL_MS = 40;
/** How long the supervisor waits for the answer of a process that it may adopt; a busy machine answers slowly. */
const ADOPTION_LIMIT_MS = 2000;
/** A wait that takes longer is explained. */
const EXPLAINED_AFTER_MS = 3000;
const RESTART_DELAY_MIN_MS = 500;
const RESTART_DELAY_MAX_MS = 15_000;
/** A program that ran this long did not fail because of its start, so its next restart is quick again. */
const STABLE_AFTER_MS = 60_000;
const LOG_BYTES_MAX = 20 * 1024 * 1024;
const LOG_TAIL_LINES = 15;

/** Records on disk which processes run, for the next launcher. */
export interface ProgramRecords {
  recordOf(name: string): RecordedProgram | undefined;
  record(name: string, program: RecordedProgram | null): void;
}

interface Running extends ProcessIdentity {
  /** Resolves when the process has exited, with the cause: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>;
}

interface Supervised {
  readonly program: Program;
  running: Running | undefined;
  isReady: boolean;
  readonly halted: AbortController;
  watching: Promise<void>;
}

/**
 * Starts programs, restarts them when they exit, and stops them. It records every process right after the
 * start, before it does anything else. The next launcher therefore knows all processes of a launcher that
 * was killed.
 */
export class Supervisor {
  private readonly supervised = new Map<string, Supervised>();
  private readonly logDir: string;
  private readonly records: ProgramRecords;
  private readonly report: Report;
  private readonly checks: HealthChecks;

  constructor(
    logDir: string,
    records: ProgramRecords,
    report: Report,
    checks: HealthChecks = healthChecks,
  ) {
    this.logDir = logDir;
    this.records = records;
    this.report = report;
    this.checks = checks;
    mkdirSync(logDir, { recursive: true });
  }

  /**
   * Starts a program, or adopts its process from an earlier launcher. Resolves when the program is ready
   * for the first time. The supervisor restarts it from then on.
   *
   * @throws StackFault `STACK_PROGRAM_FAILED` or `STACK_INTERRUPTED`
   */
  async start(program: Program, signal: AbortSignal): Promise<void> {
    const startMs = Date.now();
    const adopted = await this.adopt(program);
    const halted = new AbortController();
    const either = AbortSignal.any([signal, halted.signal]);
    const entry: Supervised = {
      program,
      running: adopted,
      isReady: adopted !== undefined,
      halted,
      watching: Promise.resolve(),
    };
    this.supervised.set(program.name, entry);
    if (!adopted) await this.firstStart(entry, either);
    this.report(
      program.name,
      adopted
        ? `still running, ${program.address}`
        : `ready after ${secondsSince(startMs)}, ${program.address}`,
    );
    entry.watching = this.watch(entry);
  }

  /** Returns the process that runs under this name now, if there is one. */
  identityOf(name: string): ProcessIdentity | undefined {
    return this.supervised.get(name)?.running;
  }

  /** Returns whether the program was ready at its start and has not exited since. */
  isReady(name: string): boolean {
    return this.supervised.get(name)?.isReady === true;
  }

  /** Stops a program. When this returns, its process has exited and is not restarted. */
  async stop(name: string): Promise<void> {
    const entry = this.supervised.get(name);
    if (entry) {
      entry.halted.abort();
      this.supervised.delete(name);
    }
    await stopRecorded(this.records.recordOf(name));
    await entry?.watching;
    // A restart that was in progress may have recorded another process.
    await stopRecorded(this.records.recordOf(name));
    this.records.record(name, null);
  }

  private async adopt(program: Program): Promise<Running | undefined> {
    const record = this.records.recordOf(program.name);
    if (!isAlive(record)) return undefined;
    if (program.adoptable && record.fingerprint === fingerprintOf(program)) {
      const deadline = Date.now() + ADOPTION_LIMIT_MS;
      do {
        if (await program.isReady()) return { ...record, ended: endOf(record) };
        await sleep(PROBE_INTERVAL_MS);
      } while (Date.now() < deadline && isAlive(record));
    }
    // The adapter waits for its calls, which are paid.
    const shown = setTimeout(
      () =>
        this.report(program.name, "ran under an earlier launcher; waiting until it has stopped"),
      EXPLAINED_AFTER_MS,
    );
    await stopRecorded(record).finally(() => clearTimeout(shown));
    return undefined;
  }

  private async firstStart(entry: Supervised, signal: AbortSignal): Promise<void> {
    const { program } = entry;
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.launchUntilReady(entry, signal);
      if (failure === undefined) return;
      if (attempt >= program.startAttempts) throw this.startFailed(program, failure);
      await pause(restartDelayMs(attempt), signal);
      throwIfInterrupted(signal);
    }
  }

  /** Starts the program once. Returns the cause of a failure, or undefined if the program is ready. */
  private async launchUntilReady(
    entry: Supervised,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    throwIfInterrupted(signal);
    const deadline = Date.now() + START_LIMIT_MS;
    const running = this.launch(entry.program);
    entry.running = running;
    const ends: string[] = [];
    void running.ended.then((how) => ends.push(how));
    while (ends.length === 0 && Date.now() < deadline) {
      throwIfInterrupted(signal);
      // The answer may have come from another process on the same port, so ours must still be running.
      if ((await entry.program.isReady()) && isAlive(running)) {
        entry.isReady = true;
        return undefined;
      }
      await pause(PROBE_INTERVAL_MS, signal);
    }
    if (ends.length > 0) return `it ended with ${ends.join("")}`;
    await stopProcess(running, "SIGKILL", STOP_GRACE_MS);
    return `it was not ready within ${START_LIMIT_MS / 1000} s`;
  }

  private launch(program: Program): Running {
    const log = openLog(join(this.logDir, `${program.name}.log`));
    const child = spawn(program.command, program.args, {
      env: program.environment,
      // Ctrl-C in the terminal must only reach the launcher, which then stops all programs in order.
      detached: true,
      stdio: ["ignore", log, log],
      ...program.runAs,
      ...(program.runAs === undefined ? {} : { cwd: "/" }),
    });
    closeSync(log);
    const pid = child.pid ?? 0;
    const identity = { pid, born: bornAt(pid) ?? "" };
    if (pid > 0) {
      const { stopSignal, stopGraceMs } = program;
      const fingerprint = fingerprintOf(program);
      this.records.record(program.name, { ...identity, fingerprint, stopSignal, stopGraceMs });
    }
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    return { ...identity, ended };
  }

  /**
   * Restarts the program whenever it exits or hangs, each time after a longer delay, until it is halted.
   */
  private async watch(entry: Supervised): Promise<void> {
    const { halted } = entry;
    let failures = 0;
    while (entry.running && !halted.signal.aborted) {
      const since = Date.now();
      const over = new AbortController();
      const either = AbortSignal.any([halted.signal, over.signal]);
      void endIfSilent(entry.program, entry.running, this.checks, this.report, either);
      const end = await Promise.race([entry.running.ended, aborted(halted.signal)]);
      over.abort();
      if (halted.signal.aborted) return;
      entry.isReady = false;
      failures = Date.now() - since >= STABLE_AFTER_MS ? 1 : failures + 1;
      await this.startAgain(entry, end ?? "", failures);
    }
  }

  private async startAgain(entry: Supervised, end: string, failures: number): Promise<void> {
    const { program, halted } = entry;
    let reason = `ended with ${end}`;
    for (let failed = failures; !halted.signal.aborted; failed += 1) {
      const delayMs = restartDelayMs(failed);
      this.report(program.name, `${reason}; starting it again in ${delayMs / 1000} s`);
      await pause(delayMs, halted.signal);
      if (halted.signal.aborted) return;
      const startMs = Date.now();
      const failure = await this.launchUntilReady(entry, halted.signal).catch(String);
      if (halted.signal.aborted) return;
      if (failure === undefined) {
        return this.report(program.name, `ready again after ${secondsSince(startMs)}`);
      }
      reason = `${failure} (see ${join(this.logDir, `${program.name}.log`)})`;
    }
  }

  private startFailed(program: Program, failure: string): StackFault {
    const file = join(this.logDir, `${program.name}.log`);
    return new StackFault(
      "STACK_PROGRAM_FAILED",
      `${program.name} could not be started: ${failure}. The end of ${file}:\n${tailOf(file)}`,
    );
  }
}

/** Stops a recorded process with its own stop signal, and kills it after its own time to exit. */
export async function stopRecorded(record: RecordedProgram | undefined | null): Promise<void> {
  if (record) await stopProcess(record, record.stopSignal, record.stopGraceMs ?? STOP_GRACE_MS);
}

/** Returns the delay before a restart: 0.5 s after the first failure, doubled with each further one, at most 15 s. */
export function restartDelayMs(failures: number): number {
  return Math.min(RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS * 2 ** (failures - 1));
}

/** Returns a hash of command, arguments, environment and user. */
export function fingerprintOf(program: Program): string {
  const { command, args, environment, runAs } = program;
  const names = Object.keys(environment).toSorted();
  const namesAndValues = names.map((name) => [name, environment[name]]);
  const text = JSON.stringify([command, args, namesAndValues, runAs]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/**
 * Waits for the exit of an adopted process. It is not a child of this process, so its exit can only be
 * detected by polling.
 */
async function endOf(identity: ProcessIdentity): Promise<string> {
  await waitForEnd(identity, Number.POSITIVE_INFINITY);
  return "a signal or an error";
}

/** Waits. Returns early, without an error, if the signal is aborted. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Opens a log for appending. A log above 20 MB is first renamed, so that at most two files of each program exist. */
function openLog(file: string): number {
  if (existsSync(file) && statSync(file).size > LOG_BYTES_MAX) renameSync(file, `${file}.1`);
  return openSync(file, "a");
}

function tailOf(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
