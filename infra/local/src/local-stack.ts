import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  REGISTRY_FRONT,
  registryFrontProgram,
  registrySocketOf,
} from "./accounts/registry-front-program.ts";
import { accountsOf, hasAccounts, rememberAccounts } from "./accounts/remembered.ts";
import type { PartAccounts, StackAccounts } from "./accounts/stack-accounts.ts";
import { makeDataDir } from "./directories.ts";
import {
  assertExternalReachable,
  externalAddress,
  type PartName,
  partNames,
  shownAddress,
} from "./external.ts";
import { StackFault } from "./faults.ts";
import { type Lock, lockHolder, tryLock } from "./supervise/lock.ts";
import { addressesOf, preparePartFactories } from "./parts.ts";
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
import { isAlive, type ProcessIdentity, signalProcess } from "./supervise/processes.ts";
import type { Program, Report } from "./supervise/program.ts";
import { type Credentials, ensureCredentials } from "./secrets.ts";
import type { StackSecurity } from "./servers/security.ts";
import {
  type Addresses,
  emptyState,
  readState,
  type RecordedProgram,
  type StackState,
  writeState,
} from "./state-file.ts";
import { SIMULATOR } from "./services.ts";
import { STOP_GRACE_MS } from "./supervise/program.ts";
import { stopRecorded, Supervisor } from "./supervise/supervisor.ts";

export interface LocalStackOptions {
  readonly dataDir: string;
  /** Chooses unused ports instead of the default ones. The data directory keeps them for later starts. */
  readonly freePorts?: boolean;
  /** Contains addresses, ports and directories (`SLUICE_*`). Some of its variables are passed to the programs. */
  readonly environment: NodeJS.ProcessEnv;
  readonly report: Report;
  /**
   * Requires accounts of Kafka and the registry, from now on. Without it, they require accounts if an earlier start of
   * the data directory did.
   */
  readonly accounts?: boolean;
  /** TLS and accounts, for tests with a new data directory. `sluice up` never sets it. */
  readonly security?: StackSecurity;
}

const OPEN_LIMIT_MS = 1500;
const portsOfPart: Readonly<Record<PartName, readonly PortName[]>> = {
  kafka: ["kafka", "controller"],
  registry: ["registry"],
  redis: ["redis"],
  "cache-redis": ["cache-redis"],
  postgres: ["postgres"],
};

/**
 * One stack: a data directory, its ports, and the processes that belong to it. Only one launcher at a
 * time has it open. The next launcher adopts or stops the processes of a launcher that was killed.
 */
export class LocalStack {
  readonly dataDir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly report: Report;
  private readonly security: StackSecurity | undefined;
  private readonly credentials: Credentials;
  private readonly isAccountsRequired: boolean;
  private readonly lock: Lock;
  private readonly supervisor: Supervisor;
  private state: StackState;

  private constructor(options: LocalStackOptions, lock: Lock, state: StackState) {
    this.dataDir = options.dataDir;
    this.environment = options.environment;
    this.report = options.report;
    this.security = options.security;
    this.credentials = ensureCredentials(options.dataDir);
    this.isAccountsRequired = !options.security && hasAccounts(options.dataDir);
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

  /**
   * Opens a data directory, closes it to other accounts, and chooses its ports. It starts nothing yet.
   *
   * @throws StackFault `STACK_ALREADY_RUNNING` if another launcher has this data directory open.
   */
  static async open(options: LocalStackOptions): Promise<LocalStack> {
    makeDataDir(options.dataDir);
    const lock = await takeLock(options.dataDir);
    try {
      if (options.accounts) rememberAccounts(options.dataDir, options.environment);
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
    return addressesOf(this.ports, this.environment, this.credentials, this.security);
  }

  /** The accounts of Kafka and of the registry; null for a part that accepts every local client. */
  get accounts(): StackAccounts {
    const { dataDir, isAccountsRequired } = this;
    return accountsOf(dataDir, isAccountsRequired, this.externalParts(), this.state.tenants);
  }

  /** States which tenants have topics and accounts of their own, before the parts are started. Later starts remember it. */
  declareTenants(tenants: readonly string[]): void {
    this.save({ tenants });
  }

  /**
   * Starts Kafka, the registry, the two Redis servers and PostgreSQL. For those that the environment replaces, checks that
   * they can be reached.
   */
  async startParts(signal: AbortSignal): Promise<Addresses> {
    const external = this.externalParts();
    const own = partNames.filter((part) => !external.includes(part));
    const { accounts } = this;
    this.save({ external, accounts: this.isAccountsRequired });
    const registryHolder = this.registryPortHolder();
    if (!accounts.registry) await this.stopProgram(REGISTRY_FRONT);
    await Promise.all(partNames.map((part) => this.checkExternal(part)));
    await assertPortsFree(this.ports, this.portsToBind(own, registryHolder));
    const { dataDir, environment, ports, report, credentials, security } = this;
    const stopPart = (part: PartName): Promise<void> => this.stopProgram(part);
    const common = { dataDir, environment, ports, report, signal };
    const runOnce = (program: Program): Promise<void> => this.runOnce(program, signal);
    const options = { ...common, credentials, accounts, stopPart, runOnce, security };
    const factories = await preparePartFactories(own, options);
    await this.startAll([...factories.values()], signal);
    if (accounts.registry) await this.startRegistryFront(accounts.registry, signal);
    this.save({ addresses: this.addresses });
    return this.addresses;
  }

  private async runOnce(program: Program, signal: AbortSignal): Promise<void> {
    this.report(program.name, "runs once for the launcher only, to replace its accounts");
    await this.supervisor.start(program, signal);
    await this.stopProgram(program.name);
  }

  /** Starts the program on the registry's port, which an earlier registry without accounts may have held until now. */
  private async startRegistryFront(accounts: PartAccounts, signal: AbortSignal): Promise<void> {
    const socketPath = registrySocketOf(this.dataDir);
    const { ports, environment } = this;
    const program = registryFrontProgram(ports.registry, socketPath, accounts, environment);
    await this.startPrograms([program], signal);
  }

  private externalParts(): PartName[] {
    return partNames.filter((part) => externalAddress(part, this.environment));
  }

  /** Starts further programs that run as long as the stack: the services and the simulator. */
  async startPrograms(programs: readonly Program[], signal: AbortSignal): Promise<void> {
    await this.startAll(
      programs.map((program) => async () => program),
      signal,
    );
  }

  /**
   * Checks the ports of programs that are not parts, so that a port in use is reported before a program waits
   * for it.
   */
  async assertPortsFree(names: readonly PortName[]): Promise<void> {
    await assertPortsFree(this.ports, names);
  }

  /** Stops processes that a killed launcher left behind. Their ports are free when this returns. */
  async stopOrphans(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.stopProgram(name)));
  }

  async stopProgram(name: string): Promise<void> {
    if (name in this.state.programs) await this.supervisor.stop(name);
  }

  /** Sends a program its own stop signal, as an operator would. The supervisor starts it again when it has exited. */
  signalStop(name: string): void {
    const record = this.state.programs[name];
    if (record) signalProcess(record, record.stopSignal);
  }

  identityOf(name: string): ProcessIdentity | undefined {
    return this.supervisor.identityOf(name);
  }

  isReady(name: string): boolean {
    return this.supervisor.isReady(name);
  }

  /** Records that the whole stack has started. From then on `sluice status` can report it as ready. */
  markComplete(demoKey: string | null): void {
    this.save({ complete: true, demoKey });
  }

  /** Whether any process of the stack is running, so that stopping takes time. */
  get isRunning(): boolean {
    return Object.values(this.state.programs).some((program) => isAlive(program ?? undefined));
  }

  /** Stops all programs in their order. A process that does not exit in its time is killed. */
  async stop(): Promise<void> {
    const names = Object.keys(this.state.programs);
    this.save({ complete: false });
    for (const group of inStopOrder(names))
      await Promise.all(group.map((name) => this.stopProgram(name)));
    this.lock.release();
  }

  /** Starts the programs concurrently. The first fault interrupts all other starts and is then thrown. */
  private async startAll(
    factories: readonly (() => Promise<Program>)[],
    signal: AbortSignal,
  ): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const starts = factories.map(async (factory) => this.supervisor.start(await factory(), either));
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
    // An earlier start may have left its own server running, which nothing would use or stop any more.
    await this.stopProgram(part);
    this.report(part, `from the environment, ${shownAddress(address)}`);
  }

  /** Returns the ports that must be free: those of all parts that are not still running from an earlier start. */
  private portsToBind(parts: readonly PartName[], registryHolder: string): PortName[] {
    return parts
      .filter((part) => !this.isAlive(part === "registry" ? registryHolder : part))
      .flatMap((part) => portsOfPart[part]);
  }

  /** Returns the program that listened on the registry's port: a registry behind its front listens on no port. */
  private registryPortHolder(): string {
    return this.state.programs[REGISTRY_FRONT] ? REGISTRY_FRONT : "registry";
  }

  private isAlive(name: string): boolean {
    return isAlive(this.state.programs[name] ?? undefined);
  }

  private save(change: Partial<StackState>): void {
    this.state = { ...this.state, ...change };
    writeState(this.dataDir, this.state);
  }
}

/**
 * Returns the services, then the simulator, then the parts. The adapter waits for its running calls when it stops,
 * and writes their results to the parts.
 */
function inStopOrder(names: readonly string[]): readonly (readonly string[])[] {
  return [isService, isSimulator, isPart].map((isOfGroup) => names.filter(isOfGroup));
}

function isService(name: string): boolean {
  return !isPart(name) && !isSimulator(name);
}

function isSimulator(name: string): boolean {
  return name === SIMULATOR;
}

function isPart(name: string): boolean {
  return partNames.some((part) => programsOf(part).includes(name));
}

/** Returns the programs that may listen on the ports of a part. */
function programsOf(part: PartName): readonly string[] {
  return part === "registry" ? [part, REGISTRY_FRONT] : [part];
}

/** Returns the launcher that has this data directory open, if there is one. */
export function launcherOf(dataDir: string): ProcessIdentity | undefined {
  return lockHolder(join(dataDir, "lock"));
}

/**
 * Returns how long the launcher of a data directory may take to stop its programs, in milliseconds: the longest
 * of the services, then the simulator, then the parts.
 */
export function stopMsMaxOf(dataDir: string): number {
  const programs = Object.values(readState(dataDir)?.programs ?? {});
  const graces = programs.map((program) => program?.stopGraceMs ?? STOP_GRACE_MS);
  return Math.max(STOP_GRACE_MS, ...graces) + 2 * STOP_GRACE_MS;
}

/**
 * Stops all processes that a data directory records. The caller ensures that no launcher has it open.
 *
 * @returns the names of the processes that were running
 */
export async function stopLeftovers(dataDir: string): Promise<string[]> {
  const alive = Object.entries(readState(dataDir)?.programs ?? {}).filter(([, program]) =>
    isAlive(program ?? undefined),
  );
  const programs = new Map(alive);
  for (const group of inStopOrder([...programs.keys()]))
    await Promise.all(group.map((name) => stopRecorded(programs.get(name))));
  return [...programs.keys()];
}

async function takeLock(dataDir: string): Promise<Lock> {
  const folder = join(dataDir, "lock");
  const deadline = Date.now() + OPEN_LIMIT_MS;
  for (;;) {
    const taken = tryLock(folder);
    if (taken) return taken;
    // Two launchers that start at the same moment both withdraw and retry; one that stays is running.
    if (Date.now() > deadline) break;
    await sleep(50 + Math.random() * 100);
  }
  throw new StackFault(
    "STACK_ALREADY_RUNNING",
    `A stack is already running from ${dataDir} (launcher process ${lockHolder(folder)?.pid ?? "just ended"}). Run "sluice status" to see it and "sluice down" to stop it, or use another --data-dir.`,
  );
}

async function startingState(options: LocalStackOptions): Promise<StackState> {
  const { dataDir, environment } = options;
  const before = readState(dataDir);
  const isFreePorts = before?.freePorts === true || options.freePorts === true;
  const kept = isFreePorts ? await keptPorts(before) : undefined;
  const ports = configuredPorts(environment, kept);
  const programs = before?.programs ?? {};
  const tenants = before?.tenants ?? [];
  return { ...emptyState(ports, isFreePorts), tenants, programs };
}

/**
 * Returns the unused ports of the last start, with a new port in place of each one that another process has
 * taken.
 */
async function keptPorts(before: StackState | undefined): Promise<Ports> {
  const fresh = await freePorts();
  if (!before?.freePorts) return fresh;
  const isRunning = Object.values(before.programs).some((program) => isAlive(program ?? undefined));
  // A state of an earlier version does not have the ports of later parts.
  if (isRunning) return { ...fresh, ...before.ports };
  const kept = await Promise.all(
    portNames.map(async (name) => {
      const port: number | undefined = before.ports[name];
      return [name, port && (await isFree(port)) ? port : fresh[name]] as const;
    }),
  );
  return portsFrom(new Map(kept));
}
