import { readFileSync } from "node:fs";
import { StackFault } from "./faults.ts";
import { isListening } from "./ports.ts";
import { REDIS_MAJOR_MIN, redisMajor } from "./servers/redis.ts";
import { isRegistryReachable } from "./servers/registry.ts";

/** The parts of the stack that a running server can replace. */
export type PartName = "kafka" | "registry" | "redis" | "cache-redis" | "postgres";
export const partNames: readonly PartName[] = [
  "kafka",
  "registry",
  "redis",
  "cache-redis",
  "postgres",
];

const variables: Readonly<Record<PartName, string>> = {
  kafka: "SLUICE_KAFKA_BROKERS",
  registry: "SLUICE_REGISTRY_URL",
  redis: "SLUICE_REDIS_URL",
  "cache-redis": "SLUICE_CACHE_REDIS_URL",
  postgres: "SLUICE_LEDGER_URL",
};

const defaultPortOf: Readonly<Record<string, number>> = {
  "redis:": 6379,
  "rediss:": 6379,
  "postgres:": 5432,
  "postgresql:": 5432,
  "https:": 443,
};

/**
 * Returns the address with which the environment replaces a part, or undefined if the launcher starts the
 * part itself.
 */
export function externalAddress(
  part: PartName,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  return addressIn(environment, variables[part]);
}

/**
 * Returns the address in a variable, or else in the file that `<variable>_FILE` names, as the services
 * do. An address can contain a password, which operators prefer to keep in a file.
 */
export function addressIn(environment: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = environment[`${variable}_FILE`];
  const address = environment[variable] || (file ? readFileSync(file, "utf8").trim() : "");
  return address === "" ? undefined : address;
}

/**
 * Returns whether the server can be reached. It does not check whether our account may use it: the services
 * report that.
 */
export async function isExternalReachable(part: PartName, address: string): Promise<boolean> {
  try {
    switch (part) {
      case "kafka":
        return await isAnyBrokerListening(address);
      case "registry":
        // Only the services know its certificate authority and the account, so this checks the port alone.
        return address.startsWith("https:")
          ? await isServerListening(address)
          : await isRegistryReachable(address);
      case "redis":
      case "cache-redis":
        return address.startsWith("rediss:")
          ? await isServerListening(address)
          : (await redisMajor(address)) >= REDIS_MAJOR_MIN;
      case "postgres":
        return await isServerListening(address);
      default:
        return part satisfies never;
    }
  } catch {
    // The address is not a valid URL.
    return false;
  }
}

/** @throws StackFault `STACK_EXTERNAL_UNREACHABLE` if the server cannot be reached, or Redis is too old. */
export async function assertExternalReachable(part: PartName, address: string): Promise<void> {
  if (await isExternalReachable(part, address)) return;
  const isRedis = part === "redis" || part === "cache-redis";
  const expected = isRedis ? `Redis ${REDIS_MAJOR_MIN} or later` : "a server";
  throw new StackFault(
    "STACK_EXTERNAL_UNREACHABLE",
    `${variables[part]} is set, but ${expected} does not answer at its address. Correct the address, or unset the variable to have a server started.`,
  );
}

/** Returns the address without user, password and parameters, for people to read. */
export function shownAddress(address: string): string {
  return address.replace(/\/\/[^/@]*@/, "//").replace(/\?.*$/, "");
}

/** Returns the address without its password, for programs that get the password separately. */
export function withoutPassword(address: string): string {
  return address
    .replace(/\/\/([^/@:]*):[^/@]*@/, (_, user: string) => (user === "" ? "//" : `//${user}@`))
    .replace(/([?&])password=[^&]*&?/g, "$1")
    .replace(/[?&]$/, "");
}

async function isAnyBrokerListening(brokers: string): Promise<boolean> {
  const found = await Promise.all(
    brokers.split(",").map(async (broker) => {
      const [, host = "", port = ""] = /^\s*\[?(.+?)\]?:(\d+)\s*$/.exec(broker) ?? [];
      return host === "" ? false : isListening(host, Number(port));
    }),
  );
  return found.includes(true);
}

async function isServerListening(address: string): Promise<boolean> {
  const url = new URL(address);
  return isListening(url.hostname, Number(url.port) || (defaultPortOf[url.protocol] ?? 0));
}
