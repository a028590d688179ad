import { randomBytes } from "node:crypto";
import type { Pool } from "pg";
import { migrateAsOwner } from "../src/ledger/migrate-as-owner.ts";
import type { Migration } from "../src/ledger/migrations/index.ts";
import { ledgerPool, ledgerSchemaOf, migrate } from "../src/ledger/postgres-pool.ts";

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
  const { url, ownerUrl, topicPrefix } = newInstallation();
  const schema = ledgerSchemaOf(topicPrefix);
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

/** A schema in which only the given migrations have run, with the connections of its owner. */
export async function createOwnedSchema(
  applied: readonly Migration[],
): Promise<Pick<LedgerDatabase, "pool" | "schema" | "drop">> {
  const { ownerUrl, topicPrefix } = newInstallation();
  const schema = ledgerSchemaOf(topicPrefix);
  const pool = ledgerPool(ownerUrl, schema);
  await migrate(pool, applied, schema);
  return {
    pool,
    schema,
    drop: async () => {
      await pool.query(`drop schema "${schema}" cascade`);
      await pool.end();
    },
  };
}

function newInstallation(): Readonly<Record<"url" | "ownerUrl" | "topicPrefix", string>> {
  const url = process.env["SLUICE_LEDGER_URL"];
  if (!url)
    throw new Error(
      'SLUICE_LEDGER_URL is not set. Run this suite with "vitest run --project stack", which starts the stack.',
    );
  // A server that the environment names may have one account for both.
  const ownerUrl = process.env["SLUICE_LEDGER_OWNER_URL"] || url;
  return { url, ownerUrl, topicPrefix: `t${randomBytes(4).toString("hex")}.` };
}
