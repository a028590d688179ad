import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readStatus } from "@sluice/local-stack";
import type { DemoOptions } from "./run-demo.ts";

/** All requests together; what takes longer than this is broken. */
const limitMs = 300_000;

/**
 * Runs the demo unless it has run to its end in this data directory: a file there remembers
 * it, so that a demo that failed or was interrupted is tried again at the next start. Never
 * throws: the stack is up, and stays up.
 */
export async function demoOnFirstStart(
  dataDir: string,
  print: (text: string) => void,
  interrupted: AbortSignal,
): Promise<void> {
  const memory = join(dataDir, "demo-done");
  if (existsSync(memory)) return;
  try {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(limitMs)]);
    const options = await optionsOf(dataDir, print, signal);
    if (!options) return;
    const { runDemo } = await import("./run-demo.ts");
    await runDemo(options);
    writeFileSync(memory, `${new Date().toISOString()}\n`);
  } catch (error) {
    if (interrupted.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    print(`\nThe demo did not come to its end (${reason}); the stack is up all the same.\n`);
  }
}

/** Undefined where there is nothing to show it on: parts only, or a sluice.yaml of the user's own. */
async function optionsOf(
  dataDir: string,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<DemoOptions | undefined> {
  const { http, kafka, registry, demoKey, parts } = await readStatus(dataDir);
  const admin = parts.find(({ name }) => name === "cost-accountant")?.admin ?? null;
  if (http === null || kafka === null || registry === null || demoKey === null || admin === null)
    return undefined;
  return {
    http,
    demoKey,
    kafka: {
      brokers: kafka.split(",").map((broker) => broker.trim()),
      topicPrefix: process.env["SLUICE_KAFKA_TOPIC_PREFIX"] ?? "",
      clientId: "sluice.demo",
    },
    registryUrl: registry,
    accountantAdmin: admin,
    configPath: join(dataDir, "sluice.yaml"),
    print,
    signal,
  };
}
