import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registrySocketOf } from "../src/accounts/registry-front-program.ts";
import { brokerAccountsIn, type PartAccounts } from "../src/accounts/stack-accounts.ts";
import { removeDataDir } from "../src/guard.ts";
import { LocalStack } from "../src/local-stack.ts";
import { isKafkaReady } from "../src/servers/kafka.ts";
import {
  findCoordinator,
  isWholeAnswer,
  setScramAccounts,
  withPlainLogin,
  withScramLogin,
} from "../src/servers/kafka-wire.ts";
import type { Account, KafkaAccounts } from "../src/servers/security.ts";
import { exchange, type Frame } from "../src/servers/wire.ts";
import { readStatus } from "../src/status.ts";
import { definedEntries } from "../src/supervise/program.ts";
import { allMarks, basicLogin, readMarks, writeMarks } from "./marks.ts";

/** What another account of the machine obtains from parts that require accounts. */

const environment = definedEntries(
  process.env,
  (name) => !name.startsWith("SLUICE_") || name === "SLUICE_CACHE_DIR",
);
const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;
const otherAccount = 54_321;
const root = mkdtempSync(join(tmpdir(), "sluice-acc-"));
const dataDir = join(root, "a");
let stack: LocalStack;
let kafka: PartAccounts;
let registry: PartAccounts;

function open(folder: string, accounts: boolean): Promise<LocalStack> {
  return LocalStack.open({
    dataDir: folder,
    freePorts: true,
    environment,
    report: () => undefined,
    accounts,
  });
}

function accountIn(accounts: PartAccounts, role: string): Account {
  const account = accounts.get(role);
  if (!account) throw new Error(`There is no account for ${role}.`);
  return account;
}

beforeAll(async () => {
  // Every account may enter the folder above the data directory.
  chmodSync(root, 0o755);
  stack = await open(dataDir, true);
  const addresses = await stack.startParts(never);
  kafka = stack.accounts.kafka ?? new Map();
  registry = stack.accounts.registry ?? new Map();
  await writeMarks(addresses, stack.accounts);
});
afterAll(async () => {
  await stack?.stop();
  for (const name of readdirSync(root)) await removeDataDir(join(root, name), environment);
  rmSync(root, { recursive: true });
});

function answerTo(frames: readonly Frame[], port = stack.ports.kafka): Promise<Buffer | undefined> {
  return exchange("127.0.0.1", port, frames, isWholeAnswer);
}

/** Returns whether Kafka answers a client that logs in as this account. */
function isAnswered(account: Account): Promise<boolean> {
  const accounts: KafkaAccounts = { admin: account, users: [] };
  return isKafkaReady("127.0.0.1", stack.ports.kafka, accounts);
}

test("Kafka answers each account with its password", async () => {
  for (const account of kafka.values())
    // The account has no right on the group of this question, so any answer shows that it may log in.
    // oxlint-disable-next-line no-await-in-loop -- in order
    expect(await answerTo(withScramLogin(account, findCoordinator()))).toBeDefined();
  expect(await isAnswered(accountIn(kafka, "admin"))).toBe(true);
});

test("Kafka answers no client without an account or with a wrong password", async () => {
  expect(await isKafkaReady("127.0.0.1", stack.ports.kafka)).toBe(false);
  const admin = accountIn(kafka, "admin");
  for (const account of [
    { ...admin, password: "guessed" },
    { ...admin, password: "" },
    { ...admin, password: accountIn(kafka, "client").password },
    { ...admin, password: accountIn(registry, "admin").password },
    { name: "sluice", password: admin.password },
    { name: "broker", password: admin.password },
  ])
    // oxlint-disable-next-line no-await-in-loop -- in order
    expect(await isAnswered(account)).toBe(false);
});

test.each(["kafka", "controller"] as const)(
  "on the port of the %s, no account can log in with PLAIN, which would disclose passwords",
  async (port) => {
    const accounts = brokerAccountsIn(kafka);
    const request = setScramAccounts([{ name: "intruder", password: "a" }], "SCRAM-SHA-512");
    const guessed = { name: "broker", password: "guessed" };
    const tries: readonly (readonly Frame[])[] = [
      [findCoordinator()],
      [request],
      ...[accounts.admin, ...accounts.users, guessed].map((account) =>
        withPlainLogin(account, request),
      ),
    ];
    for (const frames of tries)
      // oxlint-disable-next-line no-await-in-loop -- in order
      expect(await answerTo(frames, stack.ports[port])).toBeUndefined();
  },
);

interface Asked {
  readonly status: number;
  readonly text: string;
}

async function ask(
  method: string,
  path: string,
  account?: Account,
  body: string | null = null,
): Promise<Asked> {
  const headers = {
    "content-type": "application/json",
    ...(account && { authorization: basicLogin(account) }),
  };
  const answer = await fetch(`${stack.addresses.registry}${path}`, { method, headers, body });
  return { status: answer.status, text: await answer.text() };
}

const schema = JSON.stringify({ schema: JSON.stringify({ type: "long" }) });
const level = JSON.stringify({ compatibility: "NONE" });
const requests = [
  ["GET", "/subjects", null],
  ["GET", "/subjects/marks-value/versions/latest", null],
  ["GET", "/schemas/ids/1", null],
  ["POST", "/subjects/marks-value", JSON.stringify({ schema: JSON.stringify({ type: "string" }) })],
  ["POST", "/subjects/intruder-value/versions", schema],
  ["DELETE", "/subjects/marks-value", null],
  ["PUT", "/config", level],
] as const;

test.each(requests)(
  "the registry refuses %s %s without an account, and its answer contains no schema",
  async (method, path, body) => {
    const client = accountIn(registry, "client");
    for (const account of [
      undefined,
      { ...client, password: "guessed" },
      { ...client, password: accountIn(kafka, "client").password },
      { name: "sluice", password: client.password },
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      const { status, text } = await ask(method, path, account, body);
      expect(status).toBe(401);
      expect(text).not.toMatch(/marks|string/);
    }
  },
);

test("an account that is not the administrator reads schemas, and changes nothing", async () => {
  const client = accountIn(registry, "client");
  const found = await Promise.all(
    requests.map(([method, path, body]) => ask(method, path, client, body)),
  );
  expect(found.map(({ status }) => status)).toEqual([200, 200, 200, 200, 403, 403, 403]);
  expect(found[1]?.text).toContain("string");
  expect(await ask("GET", "/config", client)).toMatchObject({
    text: expect.stringContaining("FULL_TRANSITIVE"),
  });
});

test("the administrator registers schemas", async () => {
  const admin = accountIn(registry, "admin");
  const path = "/subjects/other-value/versions";
  expect(await ask("POST", path, admin, schema)).toMatchObject({ status: 200 });
  expect(await ask("GET", `${path}/1`, accountIn(registry, "client"))).toMatchObject({
    status: 200,
    text: expect.stringContaining("long"),
  });
});

/** Connects to a socket in a process of another account, and returns the result. */
function connectAs(uid: number, path: string): string {
  const script = `require("node:net").connect(process.argv[1])
    .once("connect", () => { console.log("connected"); process.exit(); })
    .once("error", ({ code }) => console.log(code));`;
  const { stdout, error } = spawnSync(process.execPath, ["-e", script, path], {
    uid,
    gid: uid,
    cwd: "/",
    encoding: "utf8",
  });
  if (error) throw error;
  return stdout.trim();
}

test.runIf(isRoot)("another account cannot connect to the registry's own socket", () => {
  const path = registrySocketOf(dataDir);
  // The probe connects to a socket that it may open.
  expect(connectAs(process.getuid?.() ?? 0, path)).toBe("connected");
  expect(connectAs(otherAccount, path)).toBe("EACCES");
});

/** Returns the TCP ports on which a process listens. */
function portsOf(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const links = readdirSync(folder).map((name) => readlinkSync(join(folder, name)));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
        const isListening = state === "0A" && inodes.has(inode);
        return isListening ? [Number.parseInt(local.split(":")[1] ?? "", 16)] : [];
      }),
  );
}

test.runIf(process.platform === "linux")(
  "no port of the registry's process answers HTTP, so that requests must pass its front",
  async () => {
    const { pid = 0 } = stack.identityOf("registry") ?? {};
    const front = stack.identityOf("registry-front")?.pid ?? 0;
    expect(portsOf(front)).toEqual([stack.ports.registry]);
    // It listens on one random port. If none were read, nothing would be checked.
    expect(portsOf(pid)).not.toEqual([]);
    for (const port of portsOf(pid)) {
      const request = Buffer.from("GET /apis/ccompat/v7/subjects HTTP/1.1\r\nhost: a\r\n\r\n");
      // oxlint-disable-next-line no-await-in-loop -- in order
      const answer = await exchange("127.0.0.1", port, [request], () => true);
      expect(answer).toBeUndefined();
    }
  },
);

/** Waits until each program runs in another process than before, at most 60 s. */
async function restartsOf(names: readonly string[], before: readonly number[]): Promise<void> {
  const isRestarted = (name: string, index: number): boolean =>
    stack.isReady(name) && stack.identityOf(name)?.pid !== before[index];
  for (let waitedMs = 0; !names.every(isRestarted) && waitedMs < 60_000; waitedMs += 100)
    // oxlint-disable-next-line no-await-in-loop -- waits
    await sleep(100);
  expect(names.filter((name, index) => !isRestarted(name, index))).toEqual([]);
}

test("a connection to the registry's port that sends nothing does not delay the accounts", async () => {
  const idle = Array.from({ length: 20 }, () => connect(stack.ports.registry, "127.0.0.1"));
  expect(await ask("GET", "/subjects", accountIn(registry, "client"))).toMatchObject({
    status: 200,
  });
  for (const socket of idle) socket.destroy();
});

test("status reports the parts as ready, and no process has a password in its arguments", async () => {
  stack.markComplete(null);
  const { parts, accounts } = await readStatus(dataDir);
  expect(accounts).toBe(true);
  expect(parts.map(({ name, ready }) => [name, ready])).toEqual(
    ["kafka", "registry", "registry-front", "redis", "cache-redis", "postgres"].map((name) => [
      name,
      true,
    ]),
  );
  const { stdout } = spawnSync("ps", ["-ewwo", "args"], { encoding: "utf8" });
  expect(stdout).toContain(registrySocketOf(dataDir));
  const secrets = [...kafka.values(), ...registry.values()].map(({ password }) => password);
  expect(secrets.filter((secret) => stdout.includes(secret))).toEqual([]);
});

test("parts that are killed are restarted with their accounts and data", async () => {
  const names = ["kafka", "registry", "registry-front"];
  const before = names.map((name) => stack.identityOf(name)?.pid ?? 0);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await restartsOf(names, before);
  expect(await readMarks(stack.addresses, stack.accounts)).toEqual(allMarks);
  expect(await isKafkaReady("127.0.0.1", stack.ports.kafka)).toBe(false);
});

test("a front that hangs is started again, and the registry behind it continues", async () => {
  const registryPid = stack.identityOf("registry")?.pid;
  const { pid } = stack.identityOf("registry-front") ?? {};
  if (!pid) throw new Error("The front does not run.");
  process.kill(pid, "SIGSTOP");
  await restartsOf(["registry-front"], [pid]);
  expect(stack.identityOf("registry")?.pid).toBe(registryPid);
  const client = accountIn(registry, "client");
  expect(await ask("GET", "/subjects", client)).toMatchObject({ status: 200 });
  // Six checks in a row, 5 s apart, find no answer within 2 s.
}, 90_000);

test("a later start without the option keeps the accounts, and replaces passwords that were lost", async () => {
  const lost = accountIn(kafka, "admin");
  await stack.stop();
  rmSync(join(dataDir, "secrets", "kafka-sluice-admin-password"));
  rmSync(join(dataDir, "secrets", "registry-sluice-admin-password"));
  stack = await open(dataDir, false);
  const addresses = await stack.startParts(never);
  expect(await readMarks(addresses, stack.accounts)).toEqual(allMarks);
  expect(stack.accounts.kafka?.get("client")).toEqual(accountIn(kafka, "client"));
  expect(await isAnswered(lost)).toBe(false);
  expect(await isKafkaReady("127.0.0.1", stack.ports.kafka)).toBe(false);
});

test("a data directory that was started without accounts gets them, and keeps its data", async () => {
  const folder = join(root, "b");
  const before = await open(folder, false);
  await writeMarks(await before.startParts(never));
  expect(before.accounts).toEqual({ kafka: null, registry: null });
  await before.stop();

  const after = await open(folder, true);
  const addresses = await after.startParts(never);
  expect(await readMarks(addresses, after.accounts)).toEqual(allMarks);
  expect(await isKafkaReady("127.0.0.1", after.ports.kafka)).toBe(false);
  expect((await fetch(`${addresses.registry}/subjects`)).status).toBe(401);
  await after.stop();
});
