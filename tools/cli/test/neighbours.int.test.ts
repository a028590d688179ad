import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { guardDataDir, readStatus, removeDataDir, type StackAccess } from "@sluice/local-stack";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { built, finished } from "./own-stack.ts";

/** What another account of the machine obtains from a running local stack. */

const isRoot = process.getuid?.() === 0;
/** The account that runs PostgreSQL if root starts the stack, and an account that has nothing to do with it. */
const otherAccounts = [65_534, 54_321];
const root = mkdtempSync(join(tmpdir(), "sluice-neighbours-"));
const dataDir = join(root, "data");
const guard = guardDataDir(dataDir);

beforeAll(async () => {
  chmodSync(root, 0o755);
  // A folder that every account may enter, as earlier versions made it.
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o755);
  const up = ["up", "--detach", "--free-ports", "--no-demo", "--data-dir", dataDir];
  const { code, output } = await finished(up, {}, built);
  if (code !== 0) throw new Error(output);
});

afterAll(async () => {
  await finished(["down", "--data-dir", dataDir], {}, built);
  await removeDataDir(dataDir, process.env);
  guard.dismiss();
});

/** Returns the files below a folder that an account can read, and the folders that it can list. */
function obtainedBy(uid: number, folder: string): string[] {
  const { stdout, error } = spawnSync("find", [folder, "-mindepth", "1", "-readable"], {
    uid,
    gid: uid,
    cwd: "/",
    encoding: "utf8",
  });
  if (error) throw error;
  return stdout.split("\n").filter((line) => line !== "");
}

test.runIf(isRoot)("another account obtains nothing from the data directory", () => {
  const open = mkdtempSync(join(tmpdir(), "sluice-open-"));
  chmodSync(open, 0o755);
  writeFileSync(join(open, "file"), "");
  for (const uid of otherAccounts) {
    // The probe finds what is open.
    expect(obtainedBy(uid, open)).toEqual([join(open, "file")]);
    expect(obtainedBy(uid, dataDir)).toEqual([]);
  }
});

test.each(["GET /bill", "DELETE /bill", "POST /script", "DELETE /script", "GET /calls/x"])(
  "%s of the provider simulator needs the control key",
  async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const { simulator } = await readStatus(dataDir);
    const body = method === "POST" ? "{}" : null;
    const ask = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await fetch(`${simulator}${path}`, { method, body, headers })).status;
    expect(await ask({})).toBe(401);
    expect(await ask({ "x-simulator-control-key": "guessed" })).toBe(401);
    const key = readFileSync(join(dataDir, "secrets", "simulator-control-key"), "utf8");
    expect(await ask({ "x-simulator-control-key": key })).not.toBe(401);
  },
);

test.each(["redis", "cacheRedis"] as const)(
  "%s refuses commands without its password",
  async (part) => {
    const address = new URL((await readStatus(dataDir))[part] ?? "");
    for (const login of ["", "AUTH guessed", "AUTH default guessed"]) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      const answers = await redisAnswers(address, [login, "GET a", "SET a b", "KEYS *", "INFO"]);
      expect(answers).not.toMatch(/^[+$*:]/m);
      expect(answers.match(/NOAUTH/g)).toHaveLength(4);
    }
  },
);

/** Sends inline commands, and returns all answers. */
async function redisAnswers(address: URL, commands: readonly string[]): Promise<string> {
  const socket = connect(Number(address.port), address.hostname);
  socket.end([...commands.filter((command) => command !== ""), ""].join("\r\n"));
  return text(socket);
}

/** Returns the address of the ledger, with the account of the accountant or another login. */
async function ledgerUrl(login?: string): Promise<string> {
  const url = new URL((await readStatus(dataDir)).ledger ?? "");
  const password = readFileSync(join(dataDir, "secrets", "ledger-password"), "utf8");
  return url.href.replace(/\/\/[^@]*@/, `//${login ?? `accountant:${password}`}@`);
}

test.each([
  "accountant",
  "accountant:guessed",
  "ledger_owner",
  "ledger_owner:guessed",
  "sluice",
  "sluice:sluice",
  "postgres",
])("PostgreSQL refuses the login %s", async (login) => {
  const client = new Client({ connectionString: await ledgerUrl(login) });
  await expect(client.connect()).rejects.toThrow(/password|no pg_hba.conf entry|SASL/);
});

test.each([
  ["copy (select 1) to program 'id'", "permission denied to COPY to or from an external program"],
  ["create temp table t (l text)", "permission denied"],
  ["create table t (l text)", "permission denied"],
  ["select pg_read_file('/etc/passwd')", "permission denied"],
  ["select lo_import('/etc/passwd')", "permission denied"],
  ["alter table charges disable trigger all", "must be owner"],
  ["drop trigger charges_are_append_only on charges", "must be owner"],
  ["alter function refuse_change() rename to gone", "must be owner"],
  [
    "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
    "permission denied|must be owner",
  ],
  ["set session_replication_role = replica", "permission denied"],
  ["update charges set team = 'forged'", "permission denied"],
  ["delete from charges", "permission denied"],
  ["truncate charges", "permission denied"],
  ["drop table charges", "must be owner"],
  ["set role ledger_owner", "permission denied"],
  ["set role sluice", "permission denied"],
  ["alter role accountant superuser", "permission denied"],
])("the cost accountant's account may not: %s", async (statement, expected) => {
  const client = new Client({ connectionString: await ledgerUrl() });
  await client.connect();
  await expect(client.query(statement)).rejects.toThrow(new RegExp(expected));
  await client.end();
});

test("the cost accountant's account is not a superuser, and reads and adds charges", async () => {
  const client = new Client({ connectionString: await ledgerUrl() });
  await client.connect();
  const { rows } = await client.query(
    `select usesuper, has_table_privilege('charges', 'select, insert') as uses
     from pg_user where usename = current_user`,
  );
  expect(rows).toEqual([{ usesuper: false, uses: true }]);
  await client.end();
});

test("sluice credentials prints what psql, redis-cli and curl need", async () => {
  const printed = await finished(["credentials", "--json", "--data-dir", dataDir]);
  expect(printed.code).toBe(0);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the command's own output
  const { ledger, ledgerOwner, redis, cacheRedis, simulator } = JSON.parse(
    printed.output,
  ) as StackAccess;
  for (const { host, port, user, password, database } of [ledger, ledgerOwner!]) {
    const client = new Client({ host, port, user, password, database });
    // oxlint-disable-next-line no-await-in-loop -- in order
    await client.connect();
    // oxlint-disable-next-line no-await-in-loop -- in order
    expect((await client.query("select count(*)::int as count from charges")).rows).toEqual([
      { count: 0 },
    ]);
    // oxlint-disable-next-line no-await-in-loop -- in order
    await client.end();
  }
  for (const { url, password } of [redis, cacheRedis])
    // oxlint-disable-next-line no-await-in-loop -- in order
    expect(await redisAnswers(new URL(url), [`AUTH ${password}`, "PING"])).toBe("+OK\r\n+PONG\r\n");
  const headers = { "x-simulator-control-key": simulator?.controlKey ?? "" };
  expect((await fetch(`${simulator?.url}/bill`, { headers })).status).toBe(200);
  const shown = await finished(["credentials", "--data-dir", dataDir]);
  expect(shown.output).toContain(ledger.url);
});

test("without a running stack, sluice credentials reports how to start one", async () => {
  const { code, output } = await finished(["credentials", "--data-dir", join(root, "none")]);
  expect(code).toBe(1);
  expect(output).toMatch(/No local stack is running. Run "sluice up" first/);
});

test("no process has a secret of the stack in its arguments", () => {
  const { stdout } = spawnSync("ps", ["-ewwo", "args"], { encoding: "utf8" });
  expect(stdout.includes(join(dataDir, "kafka", "server.properties"))).toBe(true);
  const folder = join(dataDir, "secrets");
  const exposed = readdirSync(folder).filter((name) =>
    stdout.includes(readFileSync(join(folder, name), "utf8").trim()),
  );
  expect(exposed).toEqual([]);
});

test("the data directory is closed to every account except its owner", () => {
  expect((statSync(dataDir).mode & 0o777).toString(8)).toBe("700");
});
