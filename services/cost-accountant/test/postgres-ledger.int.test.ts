import type { BudgetWindow, CostMetered } from "@sluice/contracts";
import { chargeIdOf } from "@sluice/domain";
import type { Pool, PoolClient } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { budgetHistoryContract } from "../src/budgets/budget-history.contract.ts";
import { PostgresBudgetHistory } from "../src/budgets/postgres-budget-history.ts";
import { chargeOf } from "../src/charge/charge.ts";
import { foldSlice } from "../src/charge/fold-slice.ts";
import { chargeColumns, sumColumns } from "../src/ledger/charge-columns.ts";
import { InMemoryLedger } from "../src/ledger/in-memory-ledger.ts";
import { ledgerContract } from "../src/ledger/ledger.contract.ts";
import { ledgerUnusable } from "../src/ledger/postgres-faults.ts";
import { PostgresLedger } from "../src/ledger/postgres-ledger.ts";
import { migrations } from "../src/ledger/migrations/index.ts";
import { ledgerPool, ledgerSchemaOf, migrate } from "../src/ledger/postgres-pool.ts";
import { usageChangeOf } from "../src/ledger/usage-change.ts";
import { book, calledAt, intentOf, meteredOf, usageOf, windowOf } from "./fixtures.ts";
import { foldInto } from "./fold-into.ts";
import { createLedgerDatabase, createOwnedSchema, type LedgerDatabase } from "./ledger-database.ts";

let database: LedgerDatabase;
beforeAll(async () => {
  database = await createLedgerDatabase();
});
afterAll(async () => {
  await database.drop();
});

async function emptyLedger(): Promise<PostgresLedger> {
  await database.owner.query(`
    alter table charges disable trigger charges_are_append_only;
    truncate charges, usage_hourly, budget_windows, attempts_open, attempts_parked, consumer_offsets,
      budget_epochs;
    alter table charges enable trigger charges_are_append_only`);
  return new PostgresLedger(database.pool);
}

ledgerContract("PostgreSQL", emptyLedger);
budgetHistoryContract("PostgreSQL", async () => ({
  ledger: await emptyLedger(),
  history: new PostgresBudgetHistory(database.pool),
}));

describe("PostgreSQL", () => {
  test("periods of one budget that begin together are spent separately, also within a slice", async () => {
    const ledger = await emptyLedger();
    const monday = Date.UTC(2026, 5, 1);
    const dayMs = 24 * 60 * 60 * 1_000;
    const inPeriodOf = (days: number): BudgetWindow => ({
      ...{ budget: "team", scope: "", opensAt: monday, closesAt: monday + days * dayMs },
      ...{ limitNanoUsd: 1n, hard: true, version: 0n },
    });
    await foldInto(ledger, [
      meteredOf({ attemptId: "before", windows: [inPeriodOf(1)] }),
      meteredOf({ attemptId: "after", windows: [inPeriodOf(7)] }),
    ]);
    const { rows } = await database.pool.query<{ days: string }>(
      "select closes_at::date - opens_at::date as days from budget_windows order by 1",
    );
    expect(rows).toEqual([{ days: 1 }, { days: 7 }]);
  });

  test("several processes can migrate at once", async () => {
    await Promise.all([1, 2, 3].map(() => migrate(database.owner, migrations, database.schema)));
    const { rows } = await database.pool.query("select version from schema_migrations");
    expect(rows).toEqual(migrations.map(({ version }) => ({ version })));
  });

  test("a ledger of the first version keeps its rows, hashes and sums, and accepts writers of both versions", async () => {
    const { pool, schema, drop } = await createOwnedSchema(migrations.slice(0, 1));
    const before = meteredOf({ attemptId: "before" });
    const during = meteredOf({ attemptId: "during" });
    const after = meteredOf({ attemptId: "after", usage: usageOf({ cacheWriteHourTokens: 5n }) });
    await chargeAsFirstVersion(pool, before);
    await migrate(pool, migrations, schema);
    await chargeAsFirstVersion(pool, during);
    const ledger = new PostgresLedger(pool);
    const [again, , charged] = await foldInto(ledger, [before, during, after]);

    const usage = { ...before.usage, cacheWriteHourTokens: null };
    expect(again).toMatchObject({ kind: "recorded", charge: { usage } });
    expect(charged).toMatchObject({ kind: "charge", entry: { charge: { usage: after.usage } } });
    const fromTheStart = new InMemoryLedger();
    await foldInto(fromTheStart, [before, during, after]);
    expect(await ledger.replayHash()).toBe(await fromTheStart.replayHash());
    expect(await ledger.costs(query)).toEqual(await fromTheStart.costs(query));
    await drop();
  });

  test.runIf(process.env["SLUICE_LEDGER_OWNER_URL"])(
    "an accountant that does not own the tables creates none, and reports the remedy if one is missing",
    async () => {
      const { pool, schema, url } = database;
      await migrate(pool, migrations, schema);
      const { rows } = await pool.query(
        `select tablename from pg_tables where schemaname = $1
         and not has_table_privilege(format('%I.%I', schemaname, tablename), 'select')`,
        [schema],
      );
      expect(rows).toEqual([]);
      const missing = [...migrations, { version: 99, sql: "create table more ()" }];
      const denied: unknown = await migrate(pool, missing, schema).catch((error: unknown) => error);
      expect(ledgerUnusable("SLUICE_LEDGER_URL", url, denied).message).toMatch(
        /permission denied.*Run migrate-main.js of the cost accountant with SLUICE_LEDGER_OWNER_URL/,
      );
    },
  );

  test("installations that share a database do not see each other's charges", async () => {
    const other = await createLedgerDatabase();
    const mine = await emptyLedger();
    await foldInto(mine, [meteredOf()]);
    await mine.noteIntents([{ partition: 0, intent: intentOf({ attemptId: "open" }) }]);
    const theirs = new PostgresLedger(other.pool);
    expect(await theirs.overdue([0], Date.now(), 10)).toEqual([]);
    expect((await theirs.costs(query)).total.attempts).toBe(0n);
    await other.drop();
    const long = "p".repeat(64);
    expect(new Set(["", "a.", "b.", long, `${long}p`].map(ledgerSchemaOf)).size).toBe(5);
  });

  test("a charge can be neither changed nor deleted", async () => {
    await foldInto(await emptyLedger(), [meteredOf()]);
    const { owner: pool } = database;
    await expect(pool.query("update charges set amount_nano_usd = 0")).rejects.toThrow(
      "append-only",
    );
    await expect(pool.query("delete from charges")).rejects.toThrow("append-only");
  });

  test("two writers of one partition take turns, and charge the same as one writer", async () => {
    const ledger = await emptyLedger();
    const list = Array.from({ length: 200 }, (_, index) =>
      meteredOf({ attemptId: `a${index >> 1}` }),
    );
    await Promise.all([foldInto(ledger, list, 10), foldInto(ledger, list, 7)]);
    const { rows } = await database.pool.query<{ charges: bigint; next: bigint }>(
      "select count(*) as charges, max(next_offset) as next from charges, consumer_offsets",
    );
    expect(rows).toEqual([{ charges: 100n, next: 200n }]);
    expect((await ledger.costs(query)).total.spendNanoUsd).toBe(100n * 140_000n);
  });

  test("writers of different partitions that change the same sums do not block each other", async () => {
    const ledger = await emptyLedger();
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    const list = (partition: number) =>
      (partition % 2 ? users : users.toReversed()).map((user) =>
        meteredOf({
          attemptId: `${partition}-${user}`,
          attribution: { ...meteredOf().attribution, user },
        }),
      );
    await Promise.all([0, 1, 2, 3].map((each) => foldInto(ledger, list(each), 20, each)));
    expect((await ledger.costs(query)).total.attempts).toBe(160n);
  });

  test("two writers of one partition give each number once, without gaps", async () => {
    const ledger = await emptyLedger();
    const list = (name: string) =>
      Array.from({ length: 60 }, (_, index) => meteredOf({ attemptId: `${name}-${index}` }));
    await Promise.all([foldInto(ledger, list("a"), 7), foldInto(ledger, list("b"), 11)]);
    const { rows } = await database.pool.query<{ sequence: bigint }>(
      "select ledger_sequence as sequence from charges order by 1",
    );
    expect(rows.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 120 }, (_, index) => BigInt(index + 1)),
    );
    const { settled } = await new PostgresBudgetHistory(database.pool).snapshot("demo");
    expect(settled).toEqual(new Map([[0, 120n]]));
  });

  test("writers of different partitions that change the same windows do not block each other, and the sums are those of the charges", async () => {
    const ledger = await emptyLedger();
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    const list = (partition: number) =>
      (partition % 2 ? users : users.toReversed()).map((user) =>
        meteredOf({
          attemptId: `${partition}-${user}`,
          usage: usageOf({ inputTokens: BigInt(partition + 1) }),
          windows: [windowOf(), windowOf({ budget: "user", scope: `user=${user}` })],
        }),
      );
    await Promise.all([0, 1, 2, 3].map((each) => foldInto(ledger, list(each), 20, each)));
    const { rows } = await database.pool.query<{ windows: bigint; wrong: bigint }>(
      `with charged as (
         select w->>'id' as window_id, sum(amount_nano_usd) as spent
         from charges, jsonb_array_elements(windows) as w group by 1
       )
       select count(*) as windows, count(*) filter (where spent is distinct from spent_nano_usd) as wrong
       from charged full join budget_windows using (window_id)`,
    );
    expect(rows).toEqual([{ windows: 41n, wrong: 0n }]);
  });

  test("a window is restored until three days after it closed, and that of a run until it has rested for a month", async () => {
    const ledger = await emptyLedger();
    const dayMs = 86_400_000;
    const closing = (days: number) =>
      windowOf({ budget: `closed-${days}`, closesAt: Date.now() - days * dayMs });
    const forever = { opensAt: null, closesAt: null };
    const windows = [
      ...[closing(2), closing(4), windowOf({ budget: "total", scope: "", ...forever })],
      ...["r1", "r2"].map((run) =>
        windowOf({ budget: run, scope: `team=a,run=${run}`, ...forever }),
      ),
    ];
    await foldInto(ledger, [meteredOf({ windows })]);
    await database.pool.query(
      "update budget_windows set updated_at = now() - interval '31 days' where budget in ('r2', 'total')",
    );
    const { spent } = await new PostgresBudgetHistory(database.pool).snapshot("demo");
    const budgets = spent.map(({ window }) => window.budget).toSorted();
    expect(budgets).toEqual(["closed-2", "r1", "total"]);
  });

  test("a ledger of the second version keeps its charges without numbers, and new ones are counted from 1", async () => {
    const { pool, schema, drop } = await createOwnedSchema(migrations.slice(0, 2));
    await chargeAsFirstVersion(pool, meteredOf({ attemptId: "before" }));
    await migrate(pool, migrations, schema);
    await chargeAsFirstVersion(pool, meteredOf({ attemptId: "during" }));
    const windows = [windowOf()];
    const list = ["before", "during", "after"].map((attemptId) =>
      meteredOf({ attemptId, windows }),
    );
    const place = {
      ...{ topic: "cost.metered", partition: 0, nextOffset: 3n },
      attemptIds: list.map(({ attemptId }) => attemptId),
    };
    const ledger = new PostgresLedger(pool);
    const { numbers } = await ledger.fold(place, (recorded) =>
      foldSlice(list, recorded, book, calledAt),
    );
    const number = { partition: 0, sequence: 1n };
    expect(numbers).toEqual(new Map([[chargeIdOf("after", "reported"), number]]));
    const { spent } = await new PostgresBudgetHistory(pool).snapshot("demo");
    expect(spent).toMatchObject([{ spentNanoUsd: 140_000n }]);
    await drop();
  });

  test("folding into tables that have grown since they were empty reads no table from end to end", async () => {
    const ledger = await emptyLedger();
    const metered = (name: string, length: number) =>
      Array.from({ length }, (_, index) => meteredOf({ attemptId: `${name}-${index}` }));
    // PostgreSQL decides after five executions whether it keeps a plan.
    await foldInto(ledger, metered("first", 10), 1);
    await foldInto(ledger, metered("growth", 10_000), 2_500);
    const before = await rowsReadByScans();
    await foldInto(ledger, metered("later", 100), 5);
    expect((await rowsReadByScans()) - before).toBe(0n);
  });

  test("an intent that was stored during the fold of its charge is not open, and is deleted", async () => {
    const ledger = await emptyLedger();
    await foldInto(ledger, [meteredOf({ attemptId: "a" })]);
    await database.pool.query("insert into attempts_open values ('a', 0, now(), '{}')");
    expect(await ledger.overdue([0], Date.now() + 1_000, 10)).toEqual([]);
    expect((await database.pool.query("select from attempts_open")).rowCount).toBe(0);
  });

  test("a failed decision writes nothing, including the offset", async () => {
    const ledger = await emptyLedger();
    const place = { topic: "cost.metered", partition: 0, nextOffset: 5n, attemptIds: [] };
    const folding = ledger.fold(place, () => {
      throw new Error("defect");
    });
    await expect(folding).rejects.toThrow("defect");
    expect((await database.pool.query("select from consumer_offsets")).rowCount).toBe(0);
  });

  test("a value that the database cannot store is a permanent fault", async () => {
    const ledger = await emptyLedger();
    const poisoned = meteredOf({ tags: { note: "a\u0000b" } });
    await expect(foldInto(ledger, [poisoned])).rejects.toMatchObject({ code: "LEDGER_REFUSED" });
    const intent = intentOf({ requestId: "\u0000" });
    await expect(ledger.noteIntents([{ partition: 0, intent }])).rejects.toMatchObject({
      code: "LEDGER_REFUSED",
    });
  });

  test("a connection that the server closes is an outage, and the next slice is folded", async () => {
    const ledger = await emptyLedger();
    await foldInto(ledger, [meteredOf({ attemptId: "before" })]);
    const held = await database.pool.connect();
    await held.query("begin");
    await held.query("select * from consumer_offsets for update");
    const waiting = foldInto(ledger, [meteredOf()]);
    const [ended] = await Promise.allSettled([waiting, endWaitingFor(held)]);
    expect(ended).toMatchObject({ status: "rejected", reason: { code: "LEDGER_UNAVAILABLE" } });
    await held.query("rollback");
    held.release();
    expect(await foldInto(ledger, [meteredOf()])).toMatchObject([{ kind: "charge" }]);
  });

  test("a database that cannot be reached is an outage", async () => {
    const nowhere = ledgerPool("postgres://nobody@127.0.0.1:1/none", null);
    await expect(foldInto(new PostgresLedger(nowhere), [meteredOf()])).rejects.toMatchObject({
      code: "LEDGER_UNAVAILABLE",
    });
    await nowhere.end();
  });
});

const query = { by: ["tenant" as const], tenant: null, since: null, until: null, rowsMax: 9 };

/** Returns how many rows of the ledger's tables were read by scans of a whole table. */
async function rowsReadByScans(): Promise<bigint> {
  // A connection keeps its own counts for a second, and the pool uses the same one again.
  await database.pool.query("select pg_stat_force_next_flush()");
  const { rows } = await database.pool.query<{ read: bigint }>(
    "select sum(seq_tup_read)::bigint as read from pg_stat_user_tables where schemaname = $1",
    [database.schema],
  );
  return rows[0]?.read ?? 0n;
}

/** The columns that versions after the first one have added. */
const laterColumns = new Set([
  "cache_write_hour_tokens",
  "windows",
  "run_id",
  "ledger_partition",
  "ledger_sequence",
]);

/**
 * Writes a charge and its sums as an accountant of the first version does. The columns of that version are the first ones
 * of both tables.
 */
async function chargeAsFirstVersion(pool: Pool, metered: CostMetered): Promise<void> {
  const verdict = chargeOf(metered, [], book, calledAt + 1_000);
  if (verdict.kind !== "charge") throw new Error(`The verdict is ${verdict.kind}, not charge.`);
  const change = usageChangeOf(verdict.entry);
  const valuesOf = (columns: typeof chargeColumns) =>
    columns
      .filter(({ name }) => !laterColumns.has(name))
      .map((column) => column.of(verdict.entry, change, { partition: 0, sequence: 0n }));
  const row = valuesOf(chargeColumns);
  const places = row.map((_, index) => `$${index + 1}`).join(", ");
  await pool.query(`insert into charges values (${places})`, row);
  const sums = valuesOf(sumColumns);
  await pool.query(
    `insert into usage_hourly as u
     select date_trunc('hour', called_at, 'UTC'), tenant, team, feature, user_id, key_id, variant,
       provider, model, tier, complexity, cache, lane, ${sums.join(", ")}
     from charges where attempt_id = $1
     on conflict (hour, tenant, team, feature, user_id, key_id, variant, provider, model, tier,
       complexity, cache, lane)
     do update set requests = u.requests + excluded.requests,
       attempts = u.attempts + excluded.attempts,
       input_tokens = u.input_tokens + excluded.input_tokens,
       output_tokens = u.output_tokens + excluded.output_tokens,
       spend_nano_usd = u.spend_nano_usd + excluded.spend_nano_usd`,
    [metered.attemptId],
  );
}

/** Ends the sessions that wait for the lock of `holder`, as a restart of the server does. */
async function endWaitingFor(holder: PoolClient): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>("select pg_backend_pid() as pid");
  for (let tries = 0; tries < 100; tries++) {
    const ended = await database.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))",
      [rows[0]?.pid],
    );
    if (ended.rowCount) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("No session waited for the lock.");
}
