import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Downloads } from "../downloads.ts";
import { throwIfInterrupted } from "../faults.ts";
import { type Java, jvmArguments } from "./java.ts";
import { kafkaProgram } from "./kafka.ts";
import { withLock } from "../supervise/lock.ts";
import { findFreePorts } from "../ports.ts";
import { identityOf, stopProcess } from "../supervise/processes.ts";
import { type Program, type Report, secondsSince } from "../supervise/program.ts";
import { registryProgram } from "./registry.ts";

/** The parts that run on Java. */
export type JavaPart = "kafka" | "registry";

const TRIAL_LIMIT_MS = 90_000;
const PROBE_INTERVAL_MS = 100;

/**
 * Class-data archives of the JVM: the classes that a program loads, in a form that loads quickly. They
 * halve the start-up time of Kafka and the registry.
 *
 * A JVM writes its archive when it exits, which takes 3 to 6 s. If it did so at Ctrl-C, the stack would
 * not stop within 10 s. Each archive is therefore recorded once, right after the download, in a trial
 * run with empty data. An archive only saves time: if recording fails, the parts start without it.
 */
export class ClassArchives {
  private readonly downloads: Downloads;
  private readonly java: Java;
  private readonly environment: Readonly<Record<string, string>>;
  private readonly report: Report;

  constructor(
    downloads: Downloads,
    java: Java,
    environment: Readonly<Record<string, string>>,
    report: Report,
  ) {
    this.downloads = downloads;
    this.java = java;
    this.environment = environment;
    this.report = report;
  }

  /** Returns the JVM arguments that use the archive; none if there is no archive. */
  argumentsOf(part: JavaPart): string[] {
    const file = this.fileOf(part);
    return existsSync(file) ? [`-XX:SharedArchiveFile=${file}`] : [];
  }

  /**
   * Records the archives that are missing.
   *
   * @throws StackFault `STACK_INTERRUPTED`
   */
  async ensure(parts: readonly JavaPart[], signal: AbortSignal): Promise<void> {
    if (this.missing(parts).length === 0) return;
    await withLock(join(this.downloads.root, "lock"), signal, async () => {
      const missing = this.missing(parts);
      if (missing.length === 0) return;
      const startMs = Date.now();
      this.report(
        "archives",
        `recording the classes that ${missing.join(" and ")} load; later starts use the archive`,
      );
      mkdirSync(join(this.downloads.root, "archives"), { recursive: true });
      await Promise.all(missing.map((part) => this.record(part, signal)));
      this.report("archives", `done after ${secondsSince(startMs)}`);
    });
    throwIfInterrupted(signal);
  }

  private missing(parts: readonly JavaPart[]): JavaPart[] {
    return parts.filter(
      (part) => !existsSync(this.fileOf(part)) && !existsSync(this.unsupportedMarkerOf(part)),
    );
  }

  private fileOf(part: JavaPart): string {
    return join(this.downloads.root, "archives", `${part}-${this.java.build}.jsa`);
  }

  /** Returns the file that marks this Java as unable to write an archive, so that later starts do not try again. */
  private unsupportedMarkerOf(part: JavaPart): string {
    return `${this.fileOf(part)}.refused`;
  }

  private async record(part: JavaPart, signal: AbortSignal): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-archive-"));
    const draft = join(this.downloads.root, "archives", `${part}-${process.pid}.draft`);
    try {
      const program = await this.trialOf(part, folder, draft, signal);
      await runTrial(program, signal);
      throwIfInterrupted(signal);
      if (existsSync(draft)) renameSync(draft, this.fileOf(part));
      else writeFileSync(this.unsupportedMarkerOf(part), "");
    } finally {
      rmSync(draft, { force: true });
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private async trialOf(
    part: JavaPart,
    folder: string,
    draft: string,
    signal: AbortSignal,
  ): Promise<Program> {
    const [port = 0, controller = 0] = await findFreePorts(2);
    const options = {
      home: this.downloads.folderOf(part),
      java: this.java.command,
      jvmArguments: [...jvmArguments(folder), `-XX:ArchiveClassesAtExit=${draft}`],
      dataDir: folder,
      environment: this.environment,
    };
    return part === "kafka"
      ? kafkaProgram({ ...options, ports: { kafka: port, controller } }, signal)
      : registryProgram({ ...options, port });
  }
}

/**
 * Runs the program until it is ready, then sends SIGTERM and waits while it writes its archive. Each step has
 * a time limit.
 */
async function runTrial(program: Program, signal: AbortSignal): Promise<void> {
  const child = spawn(program.command, program.args, {
    env: program.environment,
    detached: true,
    stdio: "ignore",
  });
  child.on("error", () => undefined);
  const identity = identityOf(child.pid ?? 0);
  if (identity === undefined) return;
  const deadline = Date.now() + TRIAL_LIMIT_MS;
  while (child.exitCode === null && Date.now() < deadline && !signal.aborted) {
    if (await program.isReady()) break;
    await sleep(PROBE_INTERVAL_MS);
  }
  await (signal.aborted
    ? stopProcess(identity, "SIGKILL", TRIAL_LIMIT_MS)
    : stopUnlessAborted(identity, signal));
}

async function stopUnlessAborted(
  identity: { readonly pid: number; readonly born: string },
  signal: AbortSignal,
): Promise<void> {
  const kill = (): void => void stopProcess(identity, "SIGKILL", TRIAL_LIMIT_MS);
  signal.addEventListener("abort", kill, { once: true });
  await stopProcess(identity, "SIGTERM", TRIAL_LIMIT_MS);
  signal.removeEventListener("abort", kill);
}
