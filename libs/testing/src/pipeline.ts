import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { assert } from "@sluice/domain";
import {
  type Addresses,
  adminAddress,
  adminPortNameOf,
  createLedgerTables,
  findFreePorts,
  guardDataDir,
  httpAddress,
  LocalStack,
  prepareConfiguration,
  type PipelineOptions as LaunchOptions,
  type ProcessIdentity,
  type Program,
  readStatus,
  removeDataDir,
  type ServiceName,
  serviceNames,
  serviceProgram,
  signalProcess,
  SIMULATOR,
  simulatorAddress,
  simulatorProgram,
  type StackStatus,
  waitForEnd,
  withDescendants,
} from "@sluice/local-stack";
import { provision, provisioningOptionsOf } from "@sluice/provisioning";
import type { SimulatorAccess } from "./provider-bill.ts";

export interface PipelineOptions {
  /** The prefix of the topics and groups. Not set: a random one. */
  readonly topicPrefix?: string;
  /** Text of a sluice.yaml that replaces the one of the local stack. */
  readonly declarations?: string;
  /** Starts Kafka, registry, Redis and PostgreSQL for this pipeline alone. Not set: uses those of the test run. */
  readonly ownParts?: boolean;
  /** The services to start. Not set: all six. */
  readonly services?: readonly ServiceName[];
  /** Whether the services follow the control topics instead of reading the declarations from the file. */
  readonly followsControlTopics?: boolean;
  readonly partitions?: number;
  /** Added to the environment of the services and the simulator. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Added to the environment of one service, for example its own account. */
  readonly environmentOf?: (service: ServiceName) => Readonly<Record<string, string>>;
}

export type ProcessName = ServiceName | typeof SIMULATOR;

/** An additional process of a service. After it is stopped or killed, the supervisor does not start it again. */
export interface ExtraInstance {
  readonly name: string;
  readonly admin: string;
  /** Stops it as a scale-down does: SIGTERM, then at most 10 s. */
  stop(): Promise<void>;
  /** Kills it with SIGKILL. Resolves when the process has ended. */
  kill(): Promise<void>;
}

/** The variables that would replace a part of the pipeline's own. */
const partVariables = [
  "KAFKA_BROKERS",
  "REGISTRY_URL",
  "REDIS_URL",
  "CACHE_REDIS_URL",
  "LEDGER_URL",
  "LEDGER_OWNER_URL",
]
  .map((name) => `SLUICE_${name}`)
  .flatMap((name) => [name, `${name}_FILE`]);

const PARTITIONS = 4;
const READY_LIMIT_MS = 60_000;
const POLL_MS = 50;

/**
 * The services and the simulator as real processes on the stack of the test run, with their own
 * topics, data and ports. They end with `stop()` or with the test process.
 */
export class Pipeline {
  /** Base address, without `/v1`. */
  readonly http: string;
  readonly simulator: SimulatorAccess;
  /** The whole API key of the tenant `demo`. */
  readonly demoKey: string;
  readonly topicPrefix: string;
  readonly dataDir: string;
  private readonly stack: LocalStack;
  private readonly launch: LaunchOptions;
  private readonly dismissGuard: () => void;
  private readonly log: readonly string[];
  private readonly environmentOf: NonNullable<PipelineOptions["environmentOf"]>;
  private extras = 0;

  private constructor(
    stack: LocalStack,
    launch: LaunchOptions,
    options: PipelineOptions & { readonly topicPrefix: string },
    log: readonly string[],
    dismissGuard: () => void,
  ) {
    this.stack = stack;
    this.launch = launch;
    this.topicPrefix = options.topicPrefix;
    this.environmentOf = options.environmentOf ?? (() => ({}));
    this.log = log;
    this.dismissGuard = dismissGuard;
    this.dataDir = stack.dataDir;
    this.http = httpAddress(stack.ports);
    this.simulator = {
      url: simulatorAddress(stack.ports),
      controlKey: launch.configuration.simulatorControlKey,
    };
    this.demoKey = launch.configuration.demoKey ?? "";
  }

  static async start(options: PipelineOptions = {}): Promise<Pipeline> {
    const dataDir = mkdtempSync(join(tmpdir(), "sluice-pipeline-"));
    const guard = guardDataDir(dataDir);
    const topicPrefix = options.topicPrefix ?? `t${randomBytes(4).toString("hex")}.`;
    const environment = {
      ...process.env,
      ...(options.ownParts ? Object.fromEntries(partVariables.map((name) => [name, ""])) : {}),
      // Longer than the calls of the tests, and short enough for those that end while the simulator hangs.
      SLUICE_ADAPTER_DRAIN_MS: "10000",
      ...options.environment,
      SLUICE_KAFKA_TOPIC_PREFIX: topicPrefix,
    };
    const log: string[] = [];
    const report = (name: string, text: string): number => log.push(`${name}: ${text}`);
    const stack = await LocalStack.open({ dataDir, freePorts: true, environment, report });
    try {
      const launch = await prepareLaunch(stack, options);
      const pipeline = new Pipeline(stack, launch, { ...options, topicPrefix }, log, () =>
        guard.dismiss(),
      );
      await pipeline.startAll(options);
      return pipeline;
    } catch (error) {
      await stack.stop();
      await removeDataDir(dataDir, process.env);
      guard.dismiss();
      throw error;
    }
  }

  /** Base address of a service's admin port. */
  admin(service: ServiceName): string {
    return adminAddress(this.stack.ports[adminPortNameOf(service)]);
  }

  /** The supervisor's lines about starts, ends and restarts, for the message of a failed assertion. */
  get supervisorLog(): readonly string[] {
    return this.log;
  }

  /** Returns the last lines of a service's log. */
  logOf(name: string, lines = 50): string {
    const text = readFileSync(join(this.dataDir, "logs", `${name}.log`), "utf8");
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** Copies the logs of all processes, which `stop` removes. */
  keepLogs(folder: string): void {
    cpSync(join(this.dataDir, "logs"), folder, { recursive: true });
    writeFileSync(join(folder, "supervisor.log"), `${this.log.join("\n")}\n`);
  }

  /** The addresses of the parts. They contain passwords. */
  get addresses(): Addresses {
    return this.launch.addresses;
  }

  /** Queries every process of this pipeline now. Parts that are not its own are external. */
  async status(): Promise<StackStatus> {
    return readStatus(this.dataDir);
  }

  /** Kills a process with SIGKILL. Resolves when it has ended. The supervisor starts it again after at least half a second. */
  async kill(name: string): Promise<void> {
    const identity = this.identityOf(name);
    signalProcess(identity, "SIGKILL");
    await waitForEnd(identity, READY_LIMIT_MS);
  }

  /** Waits until a process is ready. @param before the process that must have been replaced */
  async untilReady(name: string, before?: ProcessIdentity): Promise<void> {
    const deadline = Date.now() + READY_LIMIT_MS;
    while (!this.stack.isReady(name) || this.stack.identityOf(name)?.pid === before?.pid) {
      assert(
        Date.now() < deadline,
        "TESTING_NOT_READY",
        `${name} was not ready within ${READY_LIMIT_MS} ms:\n${this.logOf(name)}`,
      );
      await sleep(POLL_MS);
    }
  }

  /** Kills a process with SIGKILL, and waits until it is ready again. */
  async killAndAwait(name: string): Promise<void> {
    const before = this.identityOf(name);
    await this.kill(name);
    await this.untilReady(name, before);
  }

  /**
   * Sends a process its stop signal. The supervisor starts it again when it has ended.
   *
   * @returns whether it ended within the limit
   */
  async signalStop(name: string, limitMs: number): Promise<boolean> {
    const identity = this.identityOf(name);
    this.stack.signalStop(name);
    return waitForEnd(identity, limitMs);
  }

  /** Stops a process and its child processes with SIGSTOP for a time, and then continues them. */
  async freeze(name: string, durationMs: number): Promise<void> {
    const family = withDescendants(this.identityOf(name));
    const signalAll = (signal: NodeJS.Signals): void => {
      for (const each of family) signalProcess(each, signal);
    };
    const thaw = (): void => signalAll("SIGCONT");
    // A child process that stays frozen would outlive the parent that the guard of the run stops.
    process.once("exit", thaw);
    signalAll("SIGSTOP");
    try {
      await sleep(durationMs);
    } finally {
      thaw();
      process.off("exit", thaw);
    }
  }

  /** Stops a process in order. The supervisor does not start it again. */
  async stopService(name: ProcessName): Promise<void> {
    await this.stack.stopProgram(name);
  }

  /** Starts a process that `stopService` has stopped, with additions to its environment. */
  async startService(
    name: ProcessName,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.run([this.programOf(name, environment)]);
  }

  async restart(name: ProcessName): Promise<void> {
    await this.stopService(name);
    await this.startService(name);
  }

  /** Starts an additional process of a service, and waits until it is ready. The consumer group rebalances. */
  async startExtra(service: ServiceName): Promise<ExtraInstance> {
    const [adminPort = 0] = await findFreePorts(1);
    this.extras += 1;
    const name = `${service}-extra-${this.extras}`;
    const launch = this.launchOf(service, {});
    await this.run([serviceProgram(service, launch, { name, adminPort })]);
    return {
      name,
      admin: adminAddress(adminPort),
      stop: () => this.stack.stopProgram(name),
      kill: async () => {
        const identity = this.stack.identityOf(name);
        if (identity) signalProcess(identity, "SIGKILL");
        await this.stack.stopProgram(name);
      },
    };
  }

  identityOf(name: string): ProcessIdentity {
    const identity = this.stack.identityOf(name);
    assert(identity, "TESTING_NOT_RUNNING", `${name} is not running.`);
    return identity;
  }

  /** Ends all processes and removes the data directory. The topics remain under their prefix. */
  async stop(): Promise<void> {
    await this.stack.stop();
    await removeDataDir(this.dataDir, process.env);
    this.dismissGuard();
  }

  private async startAll(options: PipelineOptions): Promise<void> {
    const names: readonly ServiceName[] = options.services ?? serviceNames;
    const processes: readonly ProcessName[] = [SIMULATOR, ...names];
    await this.run(processes.map((name) => this.programOf(name, {})));
  }

  private programOf(name: ProcessName, environment: Readonly<Record<string, string>>): Program {
    const launch = this.launchOf(name, environment);
    return name === SIMULATOR ? simulatorProgram(launch) : serviceProgram(name, launch);
  }

  private launchOf(
    name: ProcessName,
    environment: Readonly<Record<string, string>>,
  ): LaunchOptions {
    const own = name === SIMULATOR ? {} : this.environmentOf(name);
    return { ...this.launch, environment: { ...this.launch.environment, ...own, ...environment } };
  }

  private async run(programs: readonly Program[]): Promise<void> {
    await this.stack.startPrograms(programs, new AbortController().signal);
  }
}

async function prepareLaunch(stack: LocalStack, options: PipelineOptions): Promise<LaunchOptions> {
  const { dataDir, environment, ports } = stack;
  if (options.declarations !== undefined) {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, "sluice.yaml"), options.declarations);
  }
  const addresses = await stack.startParts(new AbortController().signal);
  const provisioning = {
    ...environment,
    SLUICE_KAFKA_BROKERS: addresses.kafka,
    SLUICE_REGISTRY_URL: addresses.registry,
    SLUICE_KAFKA_PARTITIONS: String(options.partitions ?? PARTITIONS),
  };
  // A developer's own sluice.yaml must not change the result of a test.
  const { SLUICE_CONFIG: _ignored, ...own } = environment;
  const configuration = prepareConfiguration(dataDir, own);
  const tenantsWithTopics = configuration.tenantsWithTopics.map(({ tenant }) => tenant);
  await Promise.all([
    provision({ ...provisioningOptionsOf(provisioning, "testing"), tenantsWithTopics }),
    createLedgerTables({ addresses, environment }, new AbortController().signal),
  ]);
  // Without a path, services have no file to read.
  const path = options.followsControlTopics ? "" : configuration.path;
  return { dataDir, environment: own, ports, addresses, configuration: { ...configuration, path } };
}

/** Starts a {@link Pipeline}. */
export function startPipeline(options: PipelineOptions = {}): Promise<Pipeline> {
  return Pipeline.start(options);
}
