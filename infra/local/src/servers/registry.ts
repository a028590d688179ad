import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { committedFile } from "../directories.ts";
import type { JavaServerOptions } from "./kafka.ts";
import { type Program, STOP_GRACE_MS } from "../supervise/program.ts";

const ANSWER_LIMIT_MS = 5000;

export interface RegistryOptions extends JavaServerOptions {
  readonly port: number;
}

/**
 * Returns the program of Apicurio Registry. It stores schemas in an H2 file and not in Kafka, so both can
 * start at the same time.
 */
export function registryProgram(options: RegistryOptions): Program {
  const folder = join(options.dataDir, "registry");
  mkdirSync(folder, { recursive: true });
  const jar = readdirSync(options.home).find((name) => name.endsWith("-runner.jar")) ?? "";
  const address = registryAddress(options.port);
  const settings = [
    `quarkus.config.locations=${committedFile("registry.properties")}`,
    `quarkus.http.port=${options.port}`,
    // Without WRITE_DELAY=0, a kill within half a second after a registration loses the schema.
    `quarkus.datasource.jdbc.url=jdbc:h2:file:${join(folder, "schemas")};WRITE_DELAY=0`,
  ];
  return {
    name: "registry",
    command: options.java,
    args: [
      ...options.jvmArguments,
      ...settings.map((setting) => `-D${setting}`),
      "-jar",
      join(options.home, jar),
    ],
    environment: options.environment,
    address,
    stopSignal: "SIGTERM",
    stopGraceMs: STOP_GRACE_MS,
    adoptable: true,
    startAttempts: 2,
    isReady: () => isRegistryReady(address),
  };
}

export function registryAddress(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}

/**
 * Sets the compatibility level of every subject that has none of its own. This registry starts with NONE,
 * and its configuration setting for the level has no effect. The registry is ready once it accepts this.
 */
async function isRegistryReady(address: string): Promise<boolean> {
  return isAnswered(`${address}/config`, {
    method: "PUT",
    body: JSON.stringify({ compatibility: "FULL_TRANSITIVE" }),
    headers: { "content-type": "application/json" },
  });
}

/** Returns whether a registry answers, including one that requires an account. Changes nothing in it. */
export async function isRegistryReachable(address: string): Promise<boolean> {
  return isAnswered(`${address.replace(/\/$/, "")}/subjects`, {}, [401, 403]);
}

async function isAnswered(
  url: string,
  request: RequestInit,
  alsoAccepted: readonly number[] = [],
): Promise<boolean> {
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    await answer.arrayBuffer();
    return answer.ok || alsoAccepted.includes(answer.status);
  } catch {
    return false;
  }
}
