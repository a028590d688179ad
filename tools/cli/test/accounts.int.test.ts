import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { SluiceClient } from "@sluice/client";
import {
  allTopics,
  deadLetterNameOf,
  SchemaRegistryClient,
  type Topic,
  topics,
} from "@sluice/contracts";
import {
  accountNameOf,
  guardDataDir,
  readConnection,
  readStatus,
  removeDataDir,
  repositoryRoot,
  type StackAccess,
} from "@sluice/local-stack";
import { principalOf, serviceAccounts } from "@sluice/provisioning";
import {
  type Delivery,
  type Effect,
  InMemoryEventProducer,
  type KafkaConnection,
  KafkaTopicLog,
  runSliceStage,
  silentLogger,
  skip,
  SliceStage,
  type StageLogger,
} from "@sluice/stage";
import { bytesOf, RawCodecs } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { built, finished } from "./own-stack.ts";

/** The whole pipeline with accounts on Kafka and the registry, and what its neighbours on the machine obtain. */

const isRoot = process.getuid?.() === 0;
const otherAccount = 54_321;
const root = mkdtempSync(join(tmpdir(), "sluice-accounts-"));
const dataDir = join(root, "data");
const guard = guardDataDir(dataDir);
const where = ["--data-dir", dataDir];
let access: StackAccess;

beforeAll(async () => {
  chmodSync(root, 0o755);
  const up = ["up", "--accounts", "--detach", "--free-ports", ...where];
  const { code, output } = await finished(up, {}, built);
  if (code !== 0) throw new Error(output);
  const { output: printed } = await finished(["credentials", "--json", ...where]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the command's own output
  access = JSON.parse(printed) as StackAccess;
});

afterAll(async () => {
  await finished(["down", ...where], {}, built);
  await removeDataDir(dataDir, process.env);
  rmSync(root, { recursive: true });
  guard.dismiss();
});

const topicNames = allTopics.flatMap(({ name, deadLetter }) =>
  deadLetter ? [name, deadLetterNameOf(name)] : [name],
);

type Login = { readonly name: string; readonly password: string } | null;

function connectionOf(account: Login): KafkaConnection {
  return {
    brokers: [access.kafka.address],
    topicPrefix: "",
    clientId: "neighbour",
    ...(account && {
      sasl: { mechanism: "scram-sha-512", username: account.name, password: account.password },
    }),
  };
}

/**
 * Returns the topics whose offsets the broker discloses to the account. Kafka grants the right to describe a topic
 * together with the right to read it, so the account cannot read the others.
 */
async function describedBy(account: Login, names: readonly string[]): Promise<readonly string[]> {
  const log = new KafkaTopicLog(connectionOf(account));
  const described: string[] = [];
  try {
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      const extents = await log.extentsOf(name).catch(() => undefined);
      if (extents && extents.size > 0) described.push(name);
    }
  } finally {
    await log.close();
  }
  return described;
}

test("the demo of the first start answers all prompts over HTTP and Kafka", async () => {
  await expect.poll(() => existsSync(join(dataDir, "demo-done")), { timeout: 60_000 }).toBe(true);
  const printed = readFileSync(join(dataDir, "logs", "launcher.log"), "utf8");
  expect(printed).toMatch(/repeated prompts: 12 of 12/);
  expect(printed).not.toMatch(/Requests without an answer|The demo failed/);
});

test("status shows every part as ready", async () => {
  expect(await finished(["status", ...where])).toMatchObject({ code: 0 });
  expect(await readStatus(dataDir)).toMatchObject({ ready: true, accounts: true });
});

test("the administrator describes every topic, and the account of the user's programs only those that it needs", async () => {
  expect(await describedBy(access.kafka.admin, topicNames)).toEqual(topicNames);
  expect((await describedBy(access.kafka.client, topicNames)).toSorted()).toEqual([
    "cost.charged",
    "inference.requested",
    "inference.responded",
  ]);
});

test.each(["no account", "a wrong password", "the registry's password", "the broker's name"])(
  "a client with %s describes no topic",
  async (kind) => {
    const { admin, client } = access.kafka;
    const logins: Readonly<Record<string, Login>> = {
      "no account": null,
      "a wrong password": { name: client?.name ?? "", password: "guessed" },
      "the registry's password": {
        name: "sluice-admin",
        password: access.registry.admin?.password ?? "",
      },
      "the broker's name": { name: "broker", password: admin?.password ?? "" },
    };
    const names = ["inference.requested", "inference.classified", "inference.responded"];
    expect(await describedBy(logins[kind] ?? null, names)).toEqual([]);
  },
);

class Collecting extends SliceStage<Buffer> {
  readonly obtained: Buffer[] = [];

  override async process(slice: readonly Delivery<Buffer>[]): Promise<readonly Effect[]> {
    this.obtained.push(...slice.map(({ record }) => record));
    return slice.map(() => skip("read"));
  }
}

/**
 * Reads a topic from its beginning with the account and a group of the user's programs, until a message or a refusal
 * arrives.
 */
async function readByClient(
  topic: Topic<unknown>,
): Promise<{ readonly messages: number; readonly refusals: string }> {
  const stage = new Collecting();
  let refusals = "";
  const warn: StageLogger["warn"] = (fields, text) => (refusals += inspect([fields, text]));
  const running = await runSliceStage(
    stage,
    {
      connection: connectionOf(access.kafka.client),
      codecs: new RawCodecs(),
      producer: new InMemoryEventProducer(),
      logger: { ...silentLogger, warn, error: warn },
    },
    { on: bytesOf({ ...topic, deadLetter: true }), group: `client.demo.${randomUUID()}` },
  );
  const isDecided = (): boolean => stage.obtained.length > 0 || /authorized/i.test(refusals);
  try {
    await expect.poll(isDecided, { timeout: 20_000 }).toBe(true);
  } finally {
    await running.stop();
  }
  return { messages: stage.obtained.length, refusals };
}

test("the account of the user's programs reads responses, and not the requests that it may send", async () => {
  expect((await readByClient(topics.inferenceResponded)).messages).toBeGreaterThan(0);
  expect(await readByClient(topics.inferenceRequested)).toEqual({
    messages: 0,
    refusals: expect.stringContaining("inference.requested"),
  });
});

test("a program with the account of sluice credentials is answered, and reads its charges", async () => {
  const { environment } = access;
  const account = (part: "KAFKA_SASL" | "REGISTRY") => ({
    username: environment[`SLUICE_${part}_USERNAME`] ?? "",
    password: environment[`SLUICE_${part}_PASSWORD`] ?? "",
  });
  await using client = await SluiceClient.connect({
    brokers: [environment["SLUICE_KAFKA_BROKERS"] ?? ""],
    registryUrl: environment["SLUICE_REGISTRY_URL"] ?? "",
    sasl: { mechanism: "scram-sha-512", ...account("KAFKA_SASL") },
    registryAccess: { basic: account("REGISTRY") },
    apiKey: environment["SLUICE_API_KEY"] ?? "",
  });
  const { requestId, completed } = await client.ask({
    messages: [{ role: "user", content: "Which account asks?" }],
  });
  expect(completed.answer.choices[0]?.content).toBeTruthy();
  const charges = client.costs({ from: "beginning" });
  for await (const charge of charges) if (charge.requestId === requestId) break;
});

test("the example runs with the exports of sluice credentials --env", async () => {
  const { code, output } = await finished(["credentials", "--env", ...where]);
  expect(code).toBe(0);
  const example = join(repositoryRoot, "examples", "kafka-typescript", "ask.ts");
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", `${output}\nexec "$0" "$1"`, process.execPath, example],
    {
      env: { PATH: process.env["PATH"] },
      encoding: "utf8",
    },
  );
  expect(stderr).toBe("");
  expect(stdout).toMatch(/invalid_parameter|temperature/);
});

test("an HTTP client needs only its API key", async () => {
  const answer = await fetch(`${access.environment["SLUICE_BASE_URL"]}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${access.demoKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "auto", messages: [{ role: "user", content: "Hello" }] }),
  });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
});

test.each([
  [["send", "Hello again"], /\S/],
  [["costs", "--by", "team"], /team/],
  [["dead-letters", "list"], /no matching dead letters/],
  [["provision"], / 0 created, 16 schemas registered/],
  [["provision", "--set-compatibility"], / 0 created, 16 schemas registered/],
] as const)("sluice %j works without further settings", async (args, expected) => {
  const { code, output } = await finished([...args, ...where], {}, built);
  expect(output).toMatch(expected);
  expect(code).toBe(0);
});

test("a message with a wrong signature is listed, shown and replayed as a dead letter", async () => {
  const example = join(repositoryRoot, "examples", "kafka-typescript", "wrong-key.ts");
  const env = { PATH: process.env["PATH"], ...access.environment };
  expect(spawnSync(process.execPath, [example], { env, encoding: "utf8" }).stdout).toMatch(
    /^sent /,
  );
  const listed = async (): Promise<readonly { readonly position: string }[]> => {
    const { output } = await finished(["dead-letters", "list", "--json", ...where], {}, built);
    return JSON.parse(output);
  };
  await expect.poll(async () => (await listed()).length, { timeout: 30_000 }).toBe(1);
  const [letter] = await listed();
  const position = letter?.position ?? "";
  expect(
    await finished(["dead-letters", "show", position, "--decode", ...where], {}, built),
  ).toMatchObject({ code: 0, output: expect.stringContaining("Who am I?") });
  expect(
    await finished(["dead-letters", "replay", position, "--yes", ...where], {}, built),
  ).toMatchObject({ code: 0 });
});

test("the commands work in a shell with the exports of a program", async () => {
  const shell = { ...access.environment };
  expect(await finished(["dead-letters", "list", ...where], shell, built)).toMatchObject({
    code: 0,
  });
});

test("the account of the user's programs cannot register a schema", async () => {
  const { client, admin } = access.registry;
  const registryOf = (account: Login) =>
    new SchemaRegistryClient(
      access.registry.address,
      "neighbour.",
      account ? { basic: { username: account.name, password: account.password } } : {},
    );
  for (const account of [null, client])
    // oxlint-disable-next-line no-await-in-loop -- in order
    await expect(registryOf(account).register(topics.costCharged)).rejects.toThrow(
      /schema registry/,
    );
  expect(await registryOf(admin).register(topics.costCharged)).toEqual(expect.any(Number));
});

test.runIf(isRoot)("another account obtains nothing from the data directory", () => {
  const find = (uid: number) =>
    spawnSync("find", [dataDir, "-mindepth", "1", "-readable"], {
      uid,
      gid: uid,
      cwd: "/",
      encoding: "utf8",
    }).stdout;
  expect(find(0)).toContain(join(dataDir, "registry", "socket"));
  expect(find(otherAccount)).toBe("");
});

test("no process has a secret of the stack in its arguments, and each secret is its owner's only", () => {
  const { stdout } = spawnSync("ps", ["-ewwo", "args"], { encoding: "utf8" });
  expect(stdout).toContain(join(dataDir, "registry", "socket"));
  const folder = join(dataDir, "secrets");
  const secrets = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  expect(secrets.length).toBeGreaterThan(20);
  expect(secrets.filter((secret) => stdout.includes(secret.trim()))).toEqual([]);
});

test("the accountant reports no costs without the token of the stack", async () => {
  const { parts } = await readStatus(dataDir);
  const admin = parts.find(({ name }) => name === "cost-accountant")?.admin;
  for (const headers of [{}, { authorization: "Bearer guessed-guessed-guessed" }]) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const answer = await fetch(`${admin}/costs?by=tenant`, { headers });
    expect(answer.status).toBe(401);
    // oxlint-disable-next-line no-await-in-loop -- as above
    expect(await answer.text()).not.toContain("demo");
  }
});

test("the services have the names of the accounts to which provisioning grants rights", () => {
  expect(serviceAccounts.map(principalOf)).toEqual(
    serviceAccounts.map((service) => `User:${accountNameOf(service)}`),
  );
  const names = [...(readConnection(dataDir)?.accounts.kafka?.keys() ?? [])];
  expect(names).toEqual(["admin", "client", ...serviceAccounts]);
});

test("a stack that runs without accounts is not taken for one with accounts", async () => {
  const open = join(root, "open");
  const openWhere = ["--data-dir", open];
  const up = ["up", "--parts-only", "--detach", "--free-ports", ...openWhere];
  expect(await finished(up)).toMatchObject({ code: 0 });
  const { code, output } = await finished([...up, "--accounts"]);
  expect(code).toBe(1);
  expect(output).toMatch(/running without accounts. Run "sluice down" first/);
  expect(await finished(["down", ...openWhere])).toMatchObject({ code: 0 });
  await removeDataDir(open, process.env);
});

test("accounts are refused if the environment names both servers", async () => {
  const folder = join(root, "external");
  const { code, output } = await finished(
    ["up", "--accounts", "--parts-only", "--free-ports", "--data-dir", folder],
    { SLUICE_KAFKA_BROKERS: "127.0.0.1:1", SLUICE_REGISTRY_URL: "http://127.0.0.1:1" },
  );
  expect(code).toBe(1);
  expect(output).toMatch(/name your own. Omit --accounts/);
  expect(existsSync(join(folder, "accounts"))).toBe(false);
  await removeDataDir(folder, process.env);
});

test("a data directory whose path is too long for a socket is refused before anything is started", async () => {
  const folder = join(root, "a".repeat(100));
  const { code, output } = await finished([
    "up",
    "--accounts",
    "--parts-only",
    "--free-ports",
    "--data-dir",
    folder,
  ]);
  expect(code).toBe(1);
  expect(output).toMatch(/at most 103. Give --data-dir a shorter path/);
  expect((await readStatus(folder)).parts.filter(({ pid }) => pid !== null)).toEqual([]);
  await removeDataDir(folder, process.env);
});
