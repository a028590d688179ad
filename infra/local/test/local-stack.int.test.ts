import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { removeDataDir } from "../src/guard.ts";
import { LocalStack, stopLeftovers } from "../src/local-stack.ts";
import { postgresDataDir } from "../src/servers/postgres-home.ts";
import { definedEntries } from "../src/supervise/program.ts";
import { bornAt } from "../src/supervise/processes.ts";
import { readStatus } from "../src/status.ts";
import { allMarks, readMarks, writeMarks } from "./marks.ts";

/** The environment without the addresses of this run's own stack, because these tests start the parts themselves. */
const environment = definedEntries(
  process.env,
  (name) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
);
const never = new AbortController().signal;
const parts = ["kafka", "registry", "redis", "cache-redis", "postgres"];
const dataDirs: string[] = [];
const reported: string[] = [];

afterAll(async () => {
  await Promise.all(dataDirs.map((dataDir) => removeDataDir(dataDir, environment)));
});

function newDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-stack-"));
  dataDirs.push(dataDir);
  return dataDir;
}

function report(name: string, text: string): void {
  reported.push(`${name} ${text}`);
}

function open(dataDir: string): Promise<LocalStack> {
  return LocalStack.open({ dataDir, freePorts: true, environment, report });
}

function pidsOf(stack: LocalStack): number[] {
  return parts.map((part) => stack.identityOf(part)?.pid ?? 0);
}

async function untilReady(stack: LocalStack, before: readonly number[]): Promise<void> {
  const isRestarted = (part: string, index: number): boolean =>
    stack.isReady(part) && stack.identityOf(part)?.pid !== before[index];
  for (let waitedMs = 0; !parts.every(isRestarted) && waitedMs < 30_000; waitedMs += 100) {
    await sleep(100);
  }
  expect(parts.filter((part, index) => !isRestarted(part, index))).toEqual([]);
}

test("every part that is killed is restarted with its data", async () => {
  const stack = await open(newDataDir());
  const addresses = await stack.startParts(never);
  await writeMarks(addresses);
  const before = pidsOf(stack);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await untilReady(stack, before);
  expect(await readMarks(addresses)).toEqual(allMarks);
  expect(reported.filter((line) => line.includes("ended with SIGKILL"))).toHaveLength(parts.length);

  const startMs = Date.now();
  const pids = pidsOf(stack);
  await stack.stop();
  expect(Date.now() - startMs).toBeLessThan(10_000);
  expect(pids.map(bornAt)).toEqual(pids.map(() => undefined));
});

test("a second start has the data and the ports of the first one", async () => {
  const dataDir = newDataDir();
  const first = await open(dataDir);
  const addresses = await first.startParts(never);
  await writeMarks(addresses);
  await first.stop();

  const second = await open(dataDir);
  expect(await second.startParts(never)).toEqual(addresses);
  expect(await readMarks(addresses)).toEqual(allMarks);
  second.markComplete(null);
  expect(await readStatus(dataDir)).toMatchObject({ ready: true, kafka: addresses.kafka });
  await expect(open(dataDir)).rejects.toThrow(/already running/);

  const { pid = 0 } = second.identityOf("redis") ?? {};
  await second.stop();
  expect(bornAt(pid)).toBeUndefined();
  expect(await readStatus(dataDir)).toMatchObject({ ready: false });
  expect(await stopLeftovers(dataDir)).toEqual([]);
});

test("a cluster that trusts everyone and has lost its passwords gets accounts at its next start, and keeps its data", async () => {
  const dataDir = newDataDir();
  const first = await open(dataDir);
  await writeMarks(await first.startParts(never));
  await first.stop();
  const cluster = postgresDataDir(dataDir, environment);
  writeFileSync(join(cluster, "pg_hba.conf"), "host all all 127.0.0.1/32 trust\n");
  rmSync(join(cluster, "sluice-accounts"));
  rmSync(join(dataDir, "secrets"), { recursive: true });

  const second = await open(dataDir);
  const addresses = await second.startParts(never);
  expect(await readMarks(addresses)).toEqual(allMarks);
  const withoutPassword = {
    ...addresses,
    ledgerOwner: addresses.ledgerOwner?.replace(/:[^:@]+@/, "@") ?? "",
  };
  await expect(readMarks(withoutPassword)).rejects.toThrow(/password/);
  await second.stop();
});

test("two stacks run at the same time without sharing an address or data", async () => {
  const [one, other] = await Promise.all([open(newDataDir()), open(newDataDir())]);
  const found = await Promise.all([one.startParts(never), other.startParts(never)]);
  const [first, second] = found;
  expect(Object.values(first).filter((address) => Object.values(second).includes(address))).toEqual(
    [],
  );
  await writeMarks(first);
  expect(await readMarks(second).catch(() => "unknown topic")).not.toEqual(allMarks);
  await Promise.all([one.stop(), other.stop()]);
});

test("an interrupt during the start leaves no running process", async () => {
  const stack = await open(newDataDir());
  const interrupt = new AbortController();
  const start = stack.startParts(interrupt.signal);
  setTimeout(() => interrupt.abort(), 700);
  await expect(start).rejects.toThrow(/The start was interrupted/);
  await stack.stop();
  expect(await stopLeftovers(stack.dataDir)).toEqual([]);
});
