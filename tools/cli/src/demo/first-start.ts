import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENT, readStatus, withKnownCostsToken } from "@sluice/local-stack";
import { topicsAddress } from "../addresses.ts";
import { costsHeaders } from "../costs/costs-token.ts";
import type { DemoOptions } from "./run-demo.ts";

/** The limit for the whole demo, in milliseconds. The demo needs seconds, so a longer run is a failure. */
const limitMs = 300_000;

/**
 * Runs the demo unless it has already completed in this state directory. A file in the directory marks
 * a completed demo, so a demo that failed or was interrupted runs again at the next start. Never
 * throws, because a failed demo must not stop the stack.
 */
export async function demoOnFirstStart(
  dataDir: string,
  print: (text: string) => void,
  interrupted: AbortSignal,
): Promise<void> {
  const markerFile = join(dataDir, "demo-done");
  if (existsSync(markerFile)) return;
  try {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(limitMs)]);
    const options = await optionsOf(dataDir, print, signal);
    if (!options) return;
    const { runDemo } = await import("./run-demo.ts");
    await runDemo(options);
    writeFileSync(markerFile, `${new Date().toISOString()}\n`);
  } catch (error) {
    if (interrupted.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    print(`\nThe demo failed, but the stack keeps running. The error was: ${reason}\n`);
  }
}

/** Returns undefined if the demo cannot run: without services, or without the demo key (a custom sluice.yaml). */
async function optionsOf(
  dataDir: string,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<DemoOptions | undefined> {
  const { http, demoKey, parts } = await readStatus(dataDir);
  const admin = parts.find(({ name }) => name === "cost-accountant")?.admin ?? null;
  if (http === null || demoKey === null || admin === null) return undefined;
  return {
    http,
    demoKey,
    ...topicsAddress(dataDir, process.env, CLIENT),
    accountant: {
      address: admin,
      headers: costsHeaders(withKnownCostsToken(process.env, dataDir)),
    },
    configPath: join(dataDir, "sluice.yaml"),
    print,
    signal,
  };
}
