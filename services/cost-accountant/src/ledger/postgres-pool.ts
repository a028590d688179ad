import { hashOf } from "@sluice/domain";
import { escapeIdentifier, Pool, type PoolClient, types } from "pg";
import type { Migration } from "./migrations/index.ts";

const int8 = 20;
const identifierMax = 63;

/** Every process that migrates this database takes this lock. */
const migrationLock = 5_116_234_501;

/**
 * Returns the connections to the ledger. Every wait has a limit, so that a server that hangs is an
 * outage, during which the stage retries, and not a partition that silently stops.
 *
 * @param schema from {@link ledgerSchemaOf}
 */
export function ledgerPool(url: string, schema: string | null): Pool {
  const pool = new Pool({
    connectionString: schema === null ? url : withSearchPath(url, schema),
    application_name: "sluice.cost-accountant",
    max: 8,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    query_timeout: 35_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    types: { getTypeParser },
  });
  // An idle connection that breaks is replaced at its next use. Without a listener it would end the
  // process.
  pool.on("error", () => undefined);
  return pool;
}

/**
 * Returns the schema of an installation, which its topic prefix identifies. Installations that share a
 * database need different schemas, because one would otherwise estimate the attempts of another. An
 * installation without a prefix has the default schema of the database, which is null here.
 */
export function ledgerSchemaOf(topicPrefix: string): string | null {
  if (topicPrefix === "") return null;
  // PostgreSQL cuts longer names, so two of them might become equal.
  return topicPrefix.length <= identifierMax ? topicPrefix : hashOf(topicPrefix);
}

function withSearchPath(url: string, schema: string): string {
  const address = new URL(url);
  address.searchParams.set("options", `-c search_path=${escapeIdentifier(schema)}`);
  return address.href;
}

/** Reads longs as bigint, so that no amount becomes a float. */
// oxlint-disable-next-line typescript/no-explicit-any -- the driver's own signature
function getTypeParser(oid: number, format?: "text" | "binary"): any {
  return oid === int8 ? BigInt : types.getTypeParser(oid, format);
}

/**
 * Runs `act` in a transaction, which is rolled back if `act` throws. Errors of the driver are
 * thrown unchanged.
 */
export async function inTransaction<T>(
  pool: Pool,
  act: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The running query reports the same error, but an error event without a listener would end the process.
  const noteBroken = (error: Error) => (broken = error);
  client.on("error", noteBroken);
  try {
    await client.query("begin");
    const result = await act(client);
    await client.query("commit");
    return result;
  } catch (error) {
    // A connection that cannot roll back is discarded, which ends its transaction too.
    await client.query("rollback").catch(noteBroken);
    throw error;
  } finally {
    client.off("error", noteBroken);
    client.release(broken);
  }
}

/**
 * Runs the missing migrations. Several processes may do so at once. If none is missing, this needs no right to create
 * tables: another account may own them.
 *
 * @param grantee the account of the accountant, if it is not the one that runs the migrations
 */
export async function migrate(
  pool: Pool,
  migrations: readonly Migration[],
  schema: string | null,
  grantee?: string,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    if (grantee === undefined && (await hasAll(client, migrations))) return;
    await client.query("select pg_advisory_xact_lock($1)", [migrationLock]);
    if (schema !== null)
      await client.query(`create schema if not exists ${escapeIdentifier(schema)}`);
    await client.query(
      `create table if not exists schema_migrations (
         version integer primary key,
         applied_at timestamptz not null default now()
       )`,
    );
    const { rows } = await client.query<{ version: number }>(
      "select version from schema_migrations",
    );
    const applied = new Set(rows.map(({ version }) => version));
    for (const { version, sql } of migrations) {
      if (applied.has(version)) continue;
      await client.query(sql);
      await client.query("insert into schema_migrations (version) values ($1)", [version]);
    }
    if (grantee !== undefined) await grantRights(client, grantee);
  });
}

async function hasAll(client: PoolClient, migrations: readonly Migration[]): Promise<boolean> {
  const table = await client.query("select where to_regclass('schema_migrations') is not null");
  if (table.rowCount === 0) return false;
  const found = await client.query<{ version: number }>("select version from schema_migrations");
  const applied = new Set(found.rows.map(({ version }) => version));
  return migrations.every(({ version }) => applied.has(version));
}

/**
 * What the accountant's statements need, by table. It can neither change nor delete a charge, and cannot remove the
 * trigger that refuses both, because it does not own the table.
 */
const rightsOn: Readonly<Record<string, string>> = {
  charges: "select, insert",
  usage_hourly: "select, insert, update",
  attempts_open: "select, insert, update, delete",
  attempts_parked: "select, insert",
  consumer_offsets: "select, insert, update",
  budget_windows: "select, insert, update",
  budget_epochs: "select, insert, update",
  schema_migrations: "select",
};

async function grantRights(client: PoolClient, account: string): Promise<void> {
  const role = escapeIdentifier(account);
  const { rows } = await client.query<{ schema: string; owner: string }>(
    "select current_schema() as schema, current_user as owner",
  );
  const { schema, owner } = rows[0]!;
  // The owner would lose its own rights.
  if (owner === account) return;
  await client.query(`grant usage on schema ${escapeIdentifier(schema)} to ${role}`);
  for (const [table, rights] of Object.entries(rightsOn)) {
    await client.query(`revoke all on ${table} from ${role}`);
    await client.query(`grant ${rights} on ${table} to ${role}`);
  }
}
