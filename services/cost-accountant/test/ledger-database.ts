import { randomBytes } from "node:crypto";
import type { Pool } from "pg";
import { migrations } from "../src/ledger/migrations/index.ts";
import { ledgerPool, ledgerSchemaOf, migrate } from "../src/ledger/postgres-pool.ts";

/**
 * The tables of one installation in the stack's database, so that suites do not see each other's
 * charges.
 */
export interface LedgerDatabase {
  readonly topicPrefix: string;
  readonly url: string;
  readonly schema: string | null;
  readonly pool: Pool;
  drop(): Promise<void>;
}

export async function createLedgerDatabase(): Promise<LedgerDatabase> {
  const url = process.env["SLUICE_LEDGER_URL"];
  if (!url)
    throw new Error(
      'SLUICE_LEDGER_URL is not set. Run this suite with "vitest run --project stack", which starts the stack.',
    );
  const topicPrefix = `t${randomBytes(4).toString("hex")}.`;
  const schema = ledgerSchemaOf(topicPrefix);
  const pool = ledgerPool(url, schema);
  await migrate(pool, migrations, schema);
  return {
    topicPrefix,
    url,
    schema,
    pool,
    drop: async () => {
      await pool.query(`drop schema "${schema}" cascade`);
      await pool.end();
    },
  };
}
