import { readFileSync } from "node:fs";
import { StackFault } from "./faults.ts";
import { answers } from "./ports.ts";
import { REDIS_MAJOR_MIN, redisMajor } from "./servers/redis.ts";
import { isRegistryReachable } from "./servers/registry.ts";

/** The parts for which a running server can be given instead. */
export type PartName = "kafka" | "registry" | "redis" | "postgres";
export const partNames: readonly PartName[] = ["kafka", "registry", "redis", "postgres"];

const variables: Readonly<Record<PartName, string>> = {
  kafka: "SLUICE_KAFKA_BROKERS",
  registry: "SLUICE_REGISTRY_URL",
  redis: "SLUICE_REDIS_URL",
  postgres: "SLUICE_LEDGER_URL",
};

const defaultPortOf: Readonly<Record<string, number>> = {
  "redis:": 6379,
  "rediss:": 6379,
  "postgres:": 5432,
  "postgresql:": 5432,
  "https:": 443,
};

/** The address by which the environment replaces a part; undefined when it is ours to start. */
export function externalAddress(
  part: PartName,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  return addressIn(environment, variables[part]);
}

/** Addresses hold passwords: as a service's, they may stand in a file that `<variable>_FILE` names. */
export function addressIn(environment: NodeJS.ProcessEnv, variable: string): string | undefined {
  const file = environment[`${variable}_FILE`];
  const address = environment[variable] || (file ? readFileSync(file, "utf8").trim() : "");
  return address === "" ? undefined : address;
}

/** Whether what stands there can be reached. What it can do is seen by who uses it. */
export async function isExternalReachable(part: PartName, address: string): Promise<boolean> {
  try {
    switch (part) {
      case "kafka":
        return await anyBrokerAnswers(address);
      case "registry":
        // Its authority and our account are for those who use it.
        return address.startsWith("https:")
          ? await serverAnswers(address)
          : await isRegistryReachable(address);
      case "redis":
        return address.startsWith("rediss:")
          ? await serverAnswers(address)
          : (await redisMajor(address)) >= REDIS_MAJOR_MIN;
      case "postgres":
        return await serverAnswers(address);
      default:
        return part satisfies never;
    }
  } catch {
    // No URL.
    return false;
  }
}

export async function assertExternalReachable(part: PartName, address: string): Promise<void> {
  if (await isExternalReachable(part, address)) return;
  const wanted = part === "redis" ? `a Redis of version ${REDIS_MAJOR_MIN} or later` : "a server";
  throw new StackFault(
    "STACK_EXTERNAL_UNREACHABLE",
    `${variables[part]} is set, but ${wanted} does not answer there: correct it, or unset it to have one started.`,
  );
}

/** Without user and password: for people to read. */
export function shownAddress(address: string): string {
  return address.replace(/\/\/[^/@]*@/, "//").replace(/\?.*$/, "");
}

/** As a program may be told it that has the password from elsewhere. */
export function withoutPassword(address: string): string {
  return address
    .replace(/\/\/([^/@:]*):[^/@]*@/, (_, user: string) => (user === "" ? "//" : `//${user}@`))
    .replace(/([?&])password=[^&]*&?/g, "$1")
    .replace(/[?&]$/, "");
}

async function anyBrokerAnswers(brokers: string): Promise<boolean> {
  const found = await Promise.all(
    brokers.split(",").map(async (broker) => {
      const [, host = "", port = ""] = /^\s*\[?(.+?)\]?:(\d+)\s*$/.exec(broker) ?? [];
      return host === "" ? false : answers(host, Number(port));
    }),
  );
  return found.includes(true);
}

async function serverAnswers(address: string): Promise<boolean> {
  const url = new URL(address);
  return answers(url.hostname, Number(url.port) || (defaultPortOf[url.protocol] ?? 0));
}
