import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Configuration } from "./configuration.ts";
import { repositoryRoot } from "./directories.ts";
import { StackFault } from "./faults.ts";
import { type PortName, portNames, type Ports, portVariableOf } from "./ports.ts";
import {
  connectionVariables,
  openParts,
  replacedVariables,
  type StackAccounts,
} from "./accounts/stack-accounts.ts";
import {
  definedEntries,
  plainEnvironment,
  type Program,
  STOP_GRACE_MS,
} from "./supervise/program.ts";
import type { Addresses } from "./state-file.ts";

/**
 * The six services in the order of the request's path: the same order as their admin ports, 19100 to 19105.
 * This is the only list of them; other packages and test suites import it.
 */
export const serviceNames = [
  "ingress",
  "cache-lookup",
  "classifier",
  "dispatcher",
  "inference-adapter",
  "cost-accountant",
] as const;
export type ServiceName = (typeof serviceNames)[number];

export const SIMULATOR = "simulator";
/** The ports that `sluice up` needs in addition to those of the parts. */
export const pipelinePorts: readonly PortName[] = [
  "http",
  "simulator",
  ...serviceNames.map(adminPortNameOf),
];

const ANSWER_LIMIT_MS = 2000;
/** The launcher reads these files itself and gives each service the addresses that it needs. */
const addressFiles = [
  "SLUICE_REDIS_URL",
  "SLUICE_CACHE_REDIS_URL",
  "SLUICE_LEDGER_URL",
  "SLUICE_LEDGER_OWNER_URL",
].map((name) => `${name}_FILE`);

/** Only the accountant receives the token that allows its clients to read the costs of all tenants. */
const costsTokens = ["SLUICE_COSTS_TOKEN", "SLUICE_COSTS_TOKEN_FILE"];

export interface PipelineOptions {
  readonly dataDir: string;
  readonly ports: Ports;
  readonly addresses: Addresses;
  readonly configuration: Configuration;
  /** Not set: Kafka and the registry are open, or the accounts are in the environment. */
  readonly accounts?: StackAccounts;
  /**
   * The user's environment. Its `SLUICE_*` variables are passed to every service, except those that only one
   * service may have.
   */
  readonly environment: NodeJS.ProcessEnv;
}

/** A second process of a service, in addition to the supervised one. */
export interface Instance {
  readonly name: string;
  readonly adminPort: number;
}

export function adminPortNameOf(service: ServiceName): PortName {
  return `${service}-admin`;
}

export function httpAddress(ports: Ports): string {
  return `http://127.0.0.1:${ports.http}`;
}

export function simulatorAddress(ports: Ports): string {
  return `http://127.0.0.1:${ports.simulator}`;
}

export function adminAddress(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/**
 * Returns the program of a service. Writes its environment to `services/<name>.env.json` in the data
 * directory, so that a developer can start another instance by hand.
 *
 * @throws StackFault `STACK_NOT_BUILT`
 */
export function serviceProgram(
  service: ServiceName,
  options: PipelineOptions,
  instance?: Instance,
): Program {
  const name = instance?.name ?? service;
  const adminPort = instance?.adminPort ?? options.ports[adminPortNameOf(service)];
  const environment = serviceEnvironment(service, adminPort, options);
  writeEnvironment(options.dataDir, name, environment);
  const admin = adminAddress(adminPort);
  return {
    ...nodeProgram(join("services", service)),
    name,
    environment,
    stopGraceMs: stopGraceMsOf(service, environment),
    address: service === "ingress" ? httpAddress(options.ports) : admin,
    healthUrl: `${admin}/healthz`,
    isReady: () => isAnswering(`${admin}/readyz`),
  };
}

/**
 * Returns the program of the provider simulator. Its bill is stored in the data directory, so that a restart
 * does not lose it.
 */
export function simulatorProgram(options: PipelineOptions): Program {
  const { ports, configuration, environment, dataDir } = options;
  const folder = join(dataDir, SIMULATOR);
  mkdirSync(folder, { recursive: true });
  const address = simulatorAddress(ports);
  return {
    ...nodeProgram(join("tools", "provider-simulator")),
    name: SIMULATOR,
    environment: {
      ...plainEnvironment(environment),
      SLUICE_SIMULATOR_BILL: join(folder, "bill.jsonl"),
      ...definedEntries(environment, (name) => name.startsWith("SLUICE_SIMULATOR_")),
      ...(configuration.simulatorKey === null
        ? {}
        : { SLUICE_SIMULATOR_KEY: configuration.simulatorKey }),
      SLUICE_SIMULATOR_CONTROL_KEY: configuration.simulatorControlKey,
      SLUICE_SIMULATOR_PORT: String(ports.simulator),
    },
    address: `${address} (simulated answers, no provider is called)`,
    healthUrl: `${address}/healthz`,
    isReady: () => isAnswering(`${address}/healthz`),
  };
}

/** Only ingress verifies the replays of operators. */
const replayVariables = ["SLUICE_REPLAY_SECRET", "SLUICE_REPLAY_SECRET_FILE"];

/** Ingress signs who pays, and the accountant verifies it. A service that had the secret could change who pays. */
const attributionVariables = ["SLUICE_ATTRIBUTION_SECRET", "SLUICE_ATTRIBUTION_SECRET_FILE"];
const previousAttributionVariables = [
  "SLUICE_ATTRIBUTION_SECRET_PREVIOUS",
  "SLUICE_ATTRIBUTION_SECRET_PREVIOUS_FILE",
];

/**
 * Returns the whole environment of a service, with its own accounts of Kafka and the registry. Only the cost accountant
 * receives the ledger's address and the token of the costs, only the inference adapter receives the providers' keys, only ingress receives the secrets of the API keys, and only ingress and the accountant receive the secret of attributions.
 */
export function serviceEnvironment(
  service: ServiceName,
  adminPort: number,
  { ports, addresses, configuration, environment, accounts = openParts }: PipelineOptions,
): Record<string, string> {
  const { ingressSecrets, adapterSecrets, replaySecretFile, attributionSecretFile } = configuration;
  const attribution =
    attributionSecretFile === null ? {} : { SLUICE_ATTRIBUTION_SECRET_FILE: attributionSecretFile };
  const secrets = [
    ...(service === "ingress"
      ? [...ingressSecrets, ...replayVariables, ...attributionVariables]
      : []),
    ...(service === "cost-accountant"
      ? [...attributionVariables, ...previousAttributionVariables]
      : []),
    ...(service === "inference-adapter" ? adapterSecrets : []),
  ];
  const withheld = new Set([
    "SLUICE_LEDGER_URL",
    "SLUICE_LEDGER_OWNER_URL",
    "SLUICE_SIMULATOR_CONTROL_KEY",
    ...addressFiles,
    ...costsTokens,
    ...replayVariables,
    ...attributionVariables,
    ...previousAttributionVariables,
    ...replacedVariables(accounts),
    ...portNames.map(portVariableOf),
  ]);
  for (const name of [...ingressSecrets, ...adapterSecrets]) withheld.add(name);
  return {
    NODE_ENV: "production",
    SLUICE_ADMIN_HOST: "127.0.0.1",
    ...plainEnvironment(environment),
    ...definedEntries(environment, (name) => name.startsWith("SLUICE_") && !withheld.has(name)),
    ...definedEntries(environment, (name) => secrets.includes(name)),
    ...connectionVariables(addresses, accounts, service),
    SLUICE_REDIS_URL: addresses.redis,
    SLUICE_CACHE_REDIS_URL: addresses.cacheRedis,
    SLUICE_CONFIG: configuration.path,
    // A provider's base address includes `/v1`.
    SLUICE_SIMULATOR_URL: environment["SLUICE_SIMULATOR_URL"] || `${simulatorAddress(ports)}/v1`,
    SLUICE_ADMIN_PORT: String(adminPort),
    ...(service === "ingress"
      ? {
          SLUICE_HTTP_HOST: environment["SLUICE_HTTP_HOST"] || "127.0.0.1",
          SLUICE_HTTP_PORT: String(ports.http),
          ...(replaySecretFile === null ? {} : { SLUICE_REPLAY_SECRET_FILE: replaySecretFile }),
          ...attribution,
        }
      : {}),
    ...(service === "cost-accountant"
      ? {
          SLUICE_LEDGER_URL: addresses.ledger,
          ...attribution,
          ...definedEntries(environment, (name) => costsTokens.includes(name)),
        }
      : {}),
  };
}

function nodeProgram(
  project: string,
): Pick<
  Program,
  "command" | "args" | "stopSignal" | "stopGraceMs" | "adoptable" | "startAttempts"
> {
  const main = join(repositoryRoot, project, "dist", "main.js");
  if (!existsSync(main)) {
    throw new StackFault(
      "STACK_NOT_BUILT",
      `${project} is not built: ${main} is missing. Run "npm run build".`,
    );
  }
  return {
    command: process.execPath,
    args: ["--enable-source-maps", main],
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    adoptable: false,
    startAttempts: 2,
  };
}

/** The preset of `SLUICE_ADAPTER_DRAIN_MS`. */
const adapterDrainMs = 100_000;

/**
 * Returns how long a service may take to stop. Ingress gives waiting clients 4 s. The adapter waits for its
 * running calls: if it is killed, they are paid and their answers lost.
 */
export function stopGraceMsOf(
  service: ServiceName,
  environment: Readonly<Record<string, string | undefined>>,
): number {
  if (service === "ingress") return 2 * STOP_GRACE_MS;
  if (service !== "inference-adapter") return STOP_GRACE_MS;
  const drainMs = Number(environment["SLUICE_ADAPTER_DRAIN_MS"] || adapterDrainMs);
  return (Number.isFinite(drainMs) ? drainMs : adapterDrainMs) + 2 * STOP_GRACE_MS;
}

function writeEnvironment(
  dataDir: string,
  name: string,
  environment: Readonly<Record<string, string>>,
): void {
  const folder = join(dataDir, "services");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${name}.env.json`);
  writeFileSync(file, `${JSON.stringify(environment, null, 2)}\n`, { mode: 0o600 });
}

/** Returns whether the URL answers with a successful status within 2 s. */
export async function isAnswering(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
