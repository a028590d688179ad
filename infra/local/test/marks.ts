import { KafkaTopicAdmin, silentLogger } from "@sluice/stage";
import { Client } from "pg";
import {
  ADMIN,
  openParts,
  type PartAccounts,
  type StackAccounts,
} from "../src/accounts/stack-accounts.ts";
import type { Account } from "../src/servers/security.ts";
import type { Addresses } from "../src/state-file.ts";
import { exchange } from "../src/servers/wire.ts";

const subject = "marks-value";
const schema = JSON.stringify({ schema: JSON.stringify({ type: "string" }) });
const json = { "content-type": "application/json" };

/** The administrator of each part that requires accounts. */
function administratorOf(accounts: PartAccounts | null): Account | undefined {
  return accounts?.get(ADMIN);
}

function authorizationOf({ registry }: StackAccounts): Readonly<Record<string, string>> {
  const account = administratorOf(registry);
  return account ? { authorization: basicLogin(account) } : {};
}

export function basicLogin({ name, password }: Account): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

/** Writes one value into every part, so that a test can detect a loss of data. */
export async function writeMarks(
  addresses: Addresses,
  accounts: StackAccounts = openParts,
): Promise<void> {
  await redisCommand(addresses.redis, "SET mark kept");
  await query(addresses.ledgerOwner, "CREATE TABLE mark AS SELECT 'kept-row' AS text");
  const url = `${addresses.registry}/subjects/${subject}/versions`;
  const registered = await fetch(url, {
    method: "POST",
    body: schema,
    headers: { ...json, ...authorizationOf(accounts) },
  });
  if (!registered.ok) throw new Error(`The registry answered ${registered.status}.`);
  await withAdmin(addresses, accounts, (admin) =>
    admin.create([{ name: "marks", partitions: 3, replication: 1, config: {} }]),
  );
}

/** Reads the values back, by part. */
export async function readMarks(
  addresses: Addresses,
  accounts: StackAccounts = openParts,
): Promise<Record<string, unknown>> {
  const redis = await redisCommand(addresses.redis, "GET mark");
  const rows = await query(addresses.ledgerOwner, "SELECT text FROM mark");
  const versions = await fetch(`${addresses.registry}/subjects/${subject}/versions`, {
    headers: authorizationOf(accounts),
  });
  const topics = await withAdmin(addresses, accounts, (admin) => admin.describe(["marks"]));
  return {
    redis: redis.includes("kept"),
    postgres: rows.includes("kept-row"),
    registry: await versions.json(),
    kafka: topics.map(({ name, partitions }) => ({ name, partitions })),
  };
}

export const allMarks = {
  redis: true,
  postgres: true,
  registry: [1],
  kafka: [{ name: "marks", partitions: 3 }],
};

async function withAdmin<Result>(
  { kafka }: Addresses,
  accounts: StackAccounts,
  work: (admin: KafkaTopicAdmin) => Promise<Result>,
): Promise<Result> {
  const brokers = kafka.split(",");
  const account = administratorOf(accounts.kafka);
  const connection = {
    brokers,
    topicPrefix: "",
    clientId: "test",
    ...(account && {
      sasl: {
        mechanism: "scram-sha-512" as const,
        username: account.name,
        password: account.password,
      },
    }),
  };
  const admin = new KafkaTopicAdmin(connection, silentLogger);
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

async function redisCommand(address: string, command: string): Promise<string> {
  const { hostname, port, password } = new URL(address);
  const frames = [`AUTH ${password}`, command].map((line) => Buffer.from(`${line}\r\n`));
  const answer = await exchange(hostname, Number(port), frames, (text) => text.includes("\r\n"));
  return answer?.toString() ?? "";
}

/** Runs a statement as the owner of the database, and returns its rows as text. */
async function query(address: string | null, sql: string): Promise<string> {
  const client = new Client({ connectionString: address ?? "" });
  await client.connect();
  try {
    return JSON.stringify((await client.query(sql)).rows);
  } finally {
    await client.end();
  }
}
