import { ledgerUnusable } from "./postgres-faults.ts";
import { migrations } from "./migrations/index.ts";
import { ledgerPool, ledgerSchemaOf, migrate } from "./postgres-pool.ts";

export interface OwnerMigration {
  /** Address of the database with the account that owns the tables. */
  readonly ownerUrl: string;
  /** Address of the same database with the account of the accountant. */
  readonly serviceUrl: string;
  readonly topicPrefix: string;
}

/** Brings the tables up to date as their owner, and grants the accountant's account its rights. */
export async function migrateAsOwner(options: OwnerMigration): Promise<void> {
  const { ownerUrl, serviceUrl, topicPrefix } = options;
  const schema = ledgerSchemaOf(topicPrefix);
  const pool = ledgerPool(ownerUrl, schema);
  try {
    await migrate(pool, migrations, schema, decodeURIComponent(new URL(serviceUrl).username));
  } catch (cause) {
    throw ledgerUnusable("SLUICE_LEDGER_OWNER_URL", ownerUrl, cause);
  } finally {
    await pool.end();
  }
}
