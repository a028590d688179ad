import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Addresses,
  guardDataDir,
  LocalStack,
  removeDataDir,
  type Report,
} from "@sluice/local-stack";

const variables: Readonly<Record<string, keyof Addresses>> = {
  SLUICE_KAFKA_BROKERS: "kafka",
  SLUICE_REGISTRY_URL: "registry",
  SLUICE_REDIS_URL: "redis",
  SLUICE_CACHE_REDIS_URL: "cacheRedis",
  SLUICE_LEDGER_URL: "ledger",
  SLUICE_LEDGER_OWNER_URL: "ledgerOwner",
};

/**
 * Provides Kafka, registry, Redis and PostgreSQL for a whole run of Vitest's project `stack`. A part
 * that the environment names is used as it is. The others are started with a temporary data directory
 * and free ports, and are removed after the run, however it ends.
 */
export default async function setUpStack(): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const lines: string[] = [];
  const report: Report = (name, text) => {
    lines.push(`  ${name}: ${text}`);
    // A download can take minutes, and a run without output would look stuck.
    if (name === "downloads" || name === "archives") process.stderr.write(`${lines.at(-1)}\n`);
  };
  const guard = guardDataDir(dataDir);
  const stack = await LocalStack.open({
    dataDir,
    freePorts: true,
    environment: process.env,
    report,
  });
  const tearDown = async (): Promise<void> => {
    await stack.stop();
    await removeDataDir(dataDir, process.env);
    guard.dismiss();
  };
  try {
    const addresses = await stack.startParts(new AbortController().signal);
    for (const [name, part] of Object.entries(variables))
      process.env[name] ||= addresses[part] ?? "";
  } catch (error) {
    process.stderr.write(`${lines.join("\n")}\n`);
    await tearDown();
    throw error;
  }
  return tearDown;
}
