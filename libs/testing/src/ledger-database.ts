import { randomBytes } from "node:crypto";
import pg from "pg";

/** A database of its own for one pipeline: a ledger belongs to one set of topics. */
export interface LedgerDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** @param serverUrl of any database on the server; its account may create databases. */
export async function createLedgerDatabase(serverUrl: string): Promise<LedgerDatabase> {
  const name = `ledger_${randomBytes(6).toString("hex")}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await run(serverUrl, `CREATE DATABASE ${name}`);
  return {
    url: url.href,
    drop: () => run(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function run(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
