import { randomBytes } from "node:crypto";
import { Client, type Pool } from "pg";
import { migrations } from "../src/migrations/index.ts";
import { ledgerPool, migrate } from "../src/postgres-pool.ts";

/** A schema of its own in the stack's database, so that suites do not see each other's charges. */
export interface LedgerDatabase {
  /** Address whose connections see only this schema. */
  readonly url: string;
  readonly pool: Pool;
  drop(): Promise<void>;
}

export async function createLedgerDatabase(): Promise<LedgerDatabase> {
  const shared = process.env["SLUICE_LEDGER_URL"];
  if (!shared) throw new Error("SLUICE_LEDGER_URL is not set: this suite needs the stack.");
  const schema = `test_${randomBytes(6).toString("hex")}`;
  const owner = new Client({ connectionString: shared });
  await owner.connect();
  await owner.query(`create schema ${schema}`);
  const url = new URL(shared);
  url.searchParams.set("options", `-c search_path=${schema}`);
  const pool = ledgerPool(url.href);
  await migrate(pool, migrations);
  return {
    url: url.href,
    pool,
    drop: async () => {
      await pool.end();
      await owner.query(`drop schema ${schema} cascade`);
      await owner.end();
    },
  };
}
