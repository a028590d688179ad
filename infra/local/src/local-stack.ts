import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeWritable } from "./directories.ts";
import {
  assertExternalReachable,
  externalAddress,
  type PartName,
  partNames,
  shownAddress,
} from "./external.ts";
import { StackFault } from "./faults.ts";
import { type Lock, lockHolder, tryLock } from "./supervise/lock.ts";
import { addressesOf, preparePartRecipes } from "./parts.ts";
import {
  assertPortsFree,
  configuredPorts,
  freePorts,
  isFree,
  type PortName,
  portNames,
  type Ports,
  portsFrom,
} from "./ports.ts";
import { isAlive, type ProcessIdentity } from "./supervise/processes.ts";
import type { Program, Report } from "./supervise/program.ts";
import type { StackSecurity } from "./servers/security.ts";
import {
  type Addresses,
  emptyState,
  readState,
  type RecordedProgram,
  type StackState,
  writeState,
} from "./state-file.ts";
import { STOP_GRACE_MS, stopRecorded, Supervisor } from "./supervise/supervisor.ts";

export interface LocalStackOptions {
  readonly dataDir: string;
  /** Choose ports on which nothing listens, once for this data directory, instead of the usual ones. */
  readonly freePorts?: boolean;
  /** Read for addresses, ports and directories (`SLUICE_*`), and passed on to programs in part. */
  readonly environment: NodeJS.ProcessEnv;
  readonly report: Report;
  /** For a new data directory: `sluice up` never gives it. */
  readonly security?: StackSecurity;
}

const OPEN_LIMIT_MS = 1500;
const portsOfPart: Readonly<Record<PartName, readonly PortName[]>> = {
  kafka: ["kafka", "controller"],
  registry: ["registry"],
  redis: ["redis"],
  postgres: ["postgres"],
};

/**
 * One stack: a data directory, its ports, and the processes that belong to it. Only one
 * launcher at a time has it open; what a killed one left running is taken over or stopped.
 */
export class LocalStack {
  readonly dataDir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly report: Report;
  private readonly security: StackSecurity | undefined;
  private readonly lock: Lock;
  private readonly supervisor: Supervisor;
  private state: StackState;

  private constructor(options: LocalStackOptions, lock: Lock, state: StackState) {
    this.dataDir = options.dataDir;
    this.environment = options.environment;
    this.report = options.report;
    this.security = options.security;
    this.lock = lock;
    this.state = state;
    const records = {
      recordOf: (name: string): RecordedProgram | undefined =>
        this.state.programs[name] ?? undefined,
      record: (name: string, program: RecordedProgram | null): void =>
        this.save({ programs: { ...this.state.programs, [name]: program } }),
    };
    this.supervisor = new Supervisor(join(this.dataDir, "logs"), records, this.report);
  }

  /** @throws StackFault `STACK_ALREADY_RUNNING` when another launcher has this data directory open. */
  static async open(options: LocalStackOptions): Promise<LocalStack> {
    makeWritable(options.dataDir, "give --data-dir a directory you can write to");
    const lock = await takeLock(options.dataDir);
    try {
      const state = await startingState(options);
      writeState(options.dataDir, state);
      return new LocalStack(options, lock, state);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get ports(): Ports {
    return this.state.ports;
  }

  get addresses(): Addresses {
    return addressesOf(this.ports, this.environment, this.security);
  }

  /** Kafka, registry, Redis and PostgreSQL: ours are started, those of the environment are tried. */
  async startParts(signal: AbortSignal): Promise<Addresses> {
    const external = partNames.filter((part) => externalAddress(part, this.environment));
    const own = partNames.filter((part) => !external.includes(part));
    this.save({ external });
    await Promise.all(partNames.map((part) => this.checkExternal(part)));
    await assertPortsFree(this.ports, this.portsToBind(own));
    const { dataDir, environment, ports, report, security } = this;
    const options = { dataDir, environment, ports, report, signal, security };
    const recipes = await preparePartRecipes(own, options);
    await this.startAll([...recipes.values()], signal);
    this.save({ addresses: this.addresses });
    return this.addresses;
  }

  /** The services, the simulator, or whatever else shall live as long as the stack. */
  async startPrograms(programs: readonly Program[], signal: AbortSignal): Promise<void> {
    await this.startAll(
      programs.map((program) => async () => program),
      signal,
    );
  }

  /** Of programs that are not parts: a taken port is said before anything waits for it. */
  async assertPortsFree(names: readonly PortName[]): Promise<void> {
    await assertPortsFree(this.ports, names);
  }

  /** Stops what a killed launcher left behind; their ports are free when this returns. */
  async stopOrphans(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.stopProgram(name)));
  }

  async stopProgram(name: string, graceMs: number = STOP_GRACE_MS): Promise<void> {
    if (name in this.state.programs) await this.supervisor.stop(name, graceMs);
  }

  identityOf(name: string): ProcessIdentity | undefined {
    return this.supervisor.identityOf(name);
  }

  isReady(name: string): boolean {
    return this.supervisor.isReady(name);
  }

  /** From now on `sluice status` can say that the stack is ready. */
  markComplete(demoKey: string | null): void {
    this.save({ complete: true, demoKey });
  }

  /** Whether stopping will take any time. */
  get isRunning(): boolean {
    return Object.values(this.state.programs).some((program) => isAlive(program ?? undefined));
  }

  /** First what uses the parts, then the parts; each within 4 s, or it is killed. */
  async stop(): Promise<void> {
    const names = Object.keys(this.state.programs);
    this.save({ complete: false });
    await Promise.all(names.filter((name) => !isPart(name)).map((name) => this.stopProgram(name)));
    await Promise.all(names.filter(isPart).map((name) => this.stopProgram(name)));
    this.lock.release();
  }

  /** The first fault ends the start of all others: what is thrown is then the cause. */
  private async startAll(
    recipes: readonly (() => Promise<Program>)[],
    signal: AbortSignal,
  ): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const starts = recipes.map(async (recipe) => this.supervisor.start(await recipe(), either));
    try {
      await Promise.all(starts);
    } catch (error) {
      failed.abort();
      await Promise.allSettled(starts);
      throw error;
    }
  }

  private async checkExternal(part: PartName): Promise<void> {
    const address = externalAddress(part, this.environment);
    if (address === undefined) return;
    await assertExternalReachable(part, address);
    // One of ours from before would go on unseen.
    await this.stopProgram(part);
    this.report(part, `from the environment, ${shownAddress(address)}`);
  }

  /** Without those of parts that are still running: they hold them rightly. */
  private portsToBind(parts: readonly PartName[]): PortName[] {
    return parts
      .filter((part) => !isAlive(this.state.programs[part] ?? undefined))
      .flatMap((part) => portsOfPart[part]);
  }

  private save(change: Partial<StackState>): void {
    this.state = { ...this.state, ...change };
    writeState(this.dataDir, this.state);
  }
}

function isPart(name: string): boolean {
  return partNames.some((part) => part === name);
}

/** The launcher that has this data directory open, if any. */
export function launcherOf(dataDir: string): ProcessIdentity | undefined {
  return lockHolder(join(dataDir, "lock"));
}

/** Stops all processes recorded in a data directory that no launcher has open any more. */
export async function stopLeftovers(dataDir: string): Promise<string[]> {
  const alive = Object.entries(readState(dataDir)?.programs ?? {}).filter(([, program]) =>
    isAlive(program ?? undefined),
  );
  await Promise.all(alive.map(([, program]) => stopRecorded(program, STOP_GRACE_MS)));
  return alive.map(([name]) => name);
}

async function takeLock(dataDir: string): Promise<Lock> {
  const folder = join(dataDir, "lock");
  const deadline = Date.now() + OPEN_LIMIT_MS;
  for (;;) {
    const taken = tryLock(folder);
    if (taken) return taken;
    // Two that come at once both withdraw: only who stays is a running launcher.
    if (Date.now() > deadline) break;
    await sleep(50 + Math.random() * 100);
  }
  throw new StackFault(
    "STACK_ALREADY_RUNNING",
    `A stack is already running from ${dataDir} (launcher process ${lockHolder(folder)?.pid ?? "just ended"}): see "sluice status", stop it with "sluice down", or use another --data-dir.`,
  );
}

async function startingState(options: LocalStackOptions): Promise<StackState> {
  const { dataDir, environment } = options;
  const before = readState(dataDir);
  const isFreePorts = before?.freePorts === true || options.freePorts === true;
  const kept = isFreePorts ? await keptPorts(before) : undefined;
  const ports = configuredPorts(environment, kept);
  const programs = before?.programs ?? {};
  return { ...emptyState(ports, isFreePorts), programs };
}

/** The free ports of last time, save those which another process took since. */
async function keptPorts(before: StackState | undefined): Promise<Ports> {
  const fresh = await freePorts();
  if (!before?.freePorts) return fresh;
  const isRunning = Object.values(before.programs).some((program) => isAlive(program ?? undefined));
  if (isRunning) return before.ports;
  const kept = await Promise.all(
    portNames.map(async (name) => {
      const port = before.ports[name];
      return [name, (await isFree(port)) ? port : fresh[name]] as const;
    }),
  );
  return portsFrom(new Map(kept));
}
