import { randomBytes } from "node:crypto";
import type { Pool } from "pg";
import { migrateAsOwner } from "../src/ledger/migrate-as-owner.ts";
import { ledgerPool, ledgerSchemaOf } from "../src/ledger/postgres-pool.ts";

/**
 * The tables of one installation in the stack's database, so that suites do not see each other's
 * charges.
 */
export interface LedgerDatabase {
  readonly topicPrefix: string;
  readonly url: string;
  readonly schema: string | null;
  /** The connections of the accountant. */
  readonly pool: Pool;
  /** The connections of the account that owns the tables. */
  readonly owner: Pool;
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
  // A server that the environment names may have one account for both.
  const ownerUrl = process.env["SLUICE_LEDGER_OWNER_URL"] || url;
  await migrateAsOwner({ ownerUrl, serviceUrl: url, topicPrefix });
  const pool = ledgerPool(url, schema);
  const owner = ledgerPool(ownerUrl, schema);
  return {
    topicPrefix,
    url,
    schema,
    pool,
    owner,
    drop: async () => {
      await owner.query(`drop schema "${schema}" cascade`);
      await Promise.all([pool.end(), owner.end()]);
    },
  };
}
