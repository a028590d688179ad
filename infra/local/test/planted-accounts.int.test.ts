import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { removeDataDir } from "../src/guard.ts";
import { LocalStack, stopLeftovers } from "../src/local-stack.ts";
import { isFree } from "../src/ports.ts";
import { isKafkaReady } from "../src/servers/kafka.ts";
import {
  areScramAccountsSet,
  areSettingsReplaced,
  describeScramAccounts,
  findCoordinator,
  isWholeAnswer,
  replaceNodeSettings,
  scramAccountsIn,
  setScramAccounts,
  withPlainLogin,
  withScramLogin,
} from "../src/servers/kafka-wire.ts";
import type { Account } from "../src/servers/security.ts";
import { exchange, type Frame } from "../src/servers/wire.ts";
import { readState } from "../src/state-file.ts";
import { definedEntries } from "../src/supervise/program.ts";
import { occupy } from "./fake-program.ts";

/** What another account of the machine leaves in Kafka while it is open must not open it later. */

const environment = definedEntries(
  process.env,
  (name) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
);
const never = new AbortController().signal;
const dataDir = mkdtempSync(join(tmpdir(), "sluice-plant-"));
let stack: LocalStack | undefined;

async function started(accounts: boolean): Promise<LocalStack> {
  const options = { dataDir, freePorts: true, environment, report: () => undefined, accounts };
  stack = await LocalStack.open(options);
  return startedParts();
}

async function startedParts(): Promise<LocalStack> {
  if (!stack) throw new Error("There is no stack.");
  await stack.startParts(never);
  return stack;
}

afterAll(async () => {
  await stack?.stop();
  await stopLeftovers(dataDir);
  await removeDataDir(dataDir, environment);
});

async function answerTo(port: number, frames: readonly Frame[]): Promise<Buffer> {
  const answer = await exchange("127.0.0.1", port, frames, isWholeAnswer);
  return answer ?? Buffer.alloc(0);
}

/** Returns whether Kafka lets the account do what an administrator may do. */
function isAdmitted(port: number, admin: Account): Promise<boolean> {
  return isKafkaReady("127.0.0.1", port, { admin, users: [] });
}

const text = (value: string): Buffer =>
  Buffer.from([value.length >> 8, value.length & 0xff, ...Buffer.from(value)]);

function requestOf(apiKey: number, body: readonly Buffer[]): Buffer {
  const content = Buffer.concat([Buffer.from([0, apiKey, 0, 1, 0, 0, 0, 0, 0, 0]), ...body]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length);
  return Buffer.concat([length, content]);
}

const one = Buffer.from([0, 0, 0, 1]);
const brokerResource = Buffer.from([4]);

/** Returns the request for the settings that are stored for a node. */
function readSettings(node: string): Buffer {
  const all = Buffer.from([0xff, 0xff, 0xff, 0xff]);
  return requestOf(32, [one, brokerResource, text(node), all, Buffer.alloc(1)]);
}

const planted = [
  { name: "broker", password: "planted" },
  { name: "sluice-admin", password: "planted" },
  { name: "sluice-dispatcher", password: "planted" },
  // A length of two bytes in Kafka's protocol.
  { name: "intruder".repeat(30), password: "planted" },
];
const plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
const plainLogin = `${plain} username="a" password="a" user_sluice-admin="planted";`;

/** Stores passwords and settings in an open Kafka, as any account of the machine can. */
async function plant({ ports: { kafka: port, controller } }: LocalStack): Promise<void> {
  for (const mechanism of ["SCRAM-SHA-512", "SCRAM-SHA-256"] as const) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const answer = await answerTo(port, [setScramAccounts(planted, mechanism)]);
    expect(areScramAccountsSet(answer, planted.length)).toBe(true);
  }
  const settings = new Map<string, Readonly<Record<string, string>>>([
    ["", { "min.insync.replicas": "1", "log.cleaner.backoff.ms": "15001" }],
    ["1", { "listener.name.client.plain.sasl.jaas.config": plainLogin }],
  ]);
  // The controller checks less than the broker does.
  const answer = await answerTo(controller, [replaceNodeSettings(settings)]);
  expect(areSettingsReplaced(answer, 2)).toBe(true);
  // The broker reads what the controller has stored.
  await expect
    .poll(async () => String(await answerTo(port, [readSettings("")])), { timeout: 10_000 })
    .toContain("log.cleaner.backoff.ms");
}

async function expectNothingPlanted({ ports, accounts }: LocalStack): Promise<void> {
  const admin = accounts.kafka?.get("admin") ?? { name: "", password: "" };
  expect(await isAdmitted(ports.kafka, admin)).toBe(true);
  const own = [...(accounts.kafka?.values() ?? [])].map(({ name }) => name);
  for (const account of planted) {
    for (const frames of [
      withScramLogin(account, findCoordinator()),
      withPlainLogin(account, findCoordinator()),
    ])
      // oxlint-disable-next-line no-await-in-loop -- in order
      expect(await answerTo(ports.kafka, frames)).toHaveLength(0);
  }
  const ask = (request: Buffer) => answerTo(ports.kafka, withScramLogin(admin, request));
  const stored = scramAccountsIn(await ask(describeScramAccounts()));
  expect(stored?.map(({ name, mechanism }) => `${name} ${mechanism}`).toSorted()).toEqual(
    own.map((name) => `${name} 2`).toSorted(),
  );
  expect((await ask(readSettings(""))).toString()).not.toContain("log.cleaner.backoff.ms");
  expect((await ask(readSettings("1"))).toString()).not.toContain("listener.name.client.plain");
}

test("passwords and settings that were stored while Kafka was open do not open it with accounts", async () => {
  const open = await started(false);
  await plant(open);
  await open.stop();

  const closed = await started(true);
  await expectNothingPlanted(closed);
  await closed.stop();

  // The administrator opened the data directory again, so that the record of the accounts is not a proof any more.
  rmSync(join(dataDir, "accounts"));
  const reopened = await started(false);
  expect(existsSync(join(dataDir, "kafka", "accounts"))).toBe(false);
  await plant(reopened);
  await reopened.stop();
  await expectNothingPlanted(await started(true));
  // Kafka starts six times.
}, 180_000);

function kill(pid: number | undefined): void {
  // Zero would address the tests' own processes.
  if (!pid) throw new Error("There is no process to end.");
  process.kill(pid, "SIGKILL");
}

test("a launcher after one that was killed adopts Kafka and the registry with their accounts, and requires the port of the front that has exited", async () => {
  await stack?.stop();
  const script = join(import.meta.dirname, "launcher-main.ts");
  const args = ["--conditions=@sluice/source", script, dataDir];
  const launcher = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [printed] = await once(launcher.stdout, "data");
  expect(String(printed)).toBe("started\n");
  launcher.kill("SIGKILL");
  await once(launcher, "exit");

  const names = ["kafka", "registry", "redis", "registry-front"] as const;
  const recorded = readState(dataDir)?.programs ?? {};
  const before = names.map((name) => recorded[name]?.pid);
  const { ports } = readState(dataDir) ?? { ports: { registry: 0, kafka: 0 } };
  kill(before[3]);
  while (!(await isFree(ports.registry))) await sleep(20);
  const release = await occupy(ports.registry);
  // The registry still runs, but behind its front it does not hold the port.
  await expect(started(false)).rejects.toThrow(`port ${ports.registry} (registry`);
  await release();

  const adopted = await startedParts();
  const after = names.map((name) => adopted.identityOf(name)?.pid);
  expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
  expect(after[3]).not.toBe(before[3]);
  await expectNothingPlanted(adopted);
  const { accounts, addresses } = adopted;
  expect(await isKafkaReady("127.0.0.1", ports.kafka)).toBe(false);
  expect((await fetch(`${addresses.registry}/subjects`)).status).toBe(401);

  // The adopted process has another name and password of the broker than the settings file, which a restart reads.
  kill(after[0]);
  const admin = accounts.kafka?.get("admin") ?? { name: "", password: "" };
  await expect.poll(() => adopted.identityOf("kafka")?.pid, { timeout: 20_000 }).not.toBe(after[0]);
  await expect.poll(() => isAdmitted(ports.kafka, admin), { timeout: 40_000 }).toBe(true);
}, 180_000);
