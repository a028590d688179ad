import { Injectable } from "@nestjs/common";
import { type EpochMillis, TransientFault } from "@sluice/domain";
import { Pool, type PoolClient, type QueryResultRow } from "pg";
import {
  chargeFrom,
  type ChargeRow,
  columnArraysOf,
  numberIn,
  snakeCase,
} from "./charge-columns.ts";
import type { Dimension } from "./dimensions.ts";
import type { AccountantFaultCode } from "../faults.ts";
import { intentFrom, intentJson, type StoredIntent } from "./intent-json.ts";
import type { ChargeNumber } from "./ledger-entry.ts";
import {
  chargesOfAttempts,
  costsBy,
  forgetCharged,
  noteIntents,
  overdueAttempts,
  replayLimbs,
  stillOpen,
  takePartition,
  writeSlice,
} from "./ledger-statements.ts";
import {
  type Costs,
  type CostsQuery,
  type CostsRow,
  type Folded,
  Ledger,
  type OpenAttempt,
  type RecordedCharges,
  type SliceOutcome,
  type SlicePlace,
} from "./ledger.ts";
import { withLedgerFaults } from "./postgres-faults.ts";
import { inTransaction } from "./postgres-pool.ts";
import { formatReplayHash } from "./row-hash.ts";
import { noChange, type UsageChange, usageChangeNames } from "./usage-change.ts";

const contendedCode: AccountantFaultCode = "LEDGER_CONTENDED";

/**
 * The ledger in PostgreSQL 17 or later. It does not close the pool, which belongs to the module
 * that made it.
 *
 * No statement has a name, so each is planned for the tables as they are. PostgreSQL would keep the plan of a
 * named one, and a plan that was made while the tables were empty reads all charges for each slice: seven
 * times the CPU per charge at 30,000 charges.
 */
@Injectable()
export class PostgresLedger extends Ledger {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    super();
    this.#pool = pool;
  }

  override async fold<O extends SliceOutcome>(
    place: SlicePlace,
    decide: (recorded: RecordedCharges) => O,
  ): Promise<Folded<O>> {
    return withLedgerFaults(() =>
      inTransaction(this.#pool, async (client) => {
        const taken = await client.query<{ last_sequence: bigint }>(takePartition, [
          place.topic,
          place.partition,
          place.nextOffset,
        ]);
        // A separate statement, because its snapshot must be newer than the lock.
        const { rows } = await client.query<ChargeRow>(chargesOfAttempts, [place.attemptIds]);
        const outcome = decide(Map.groupBy(rows.map(chargeFrom), ({ attemptId }) => attemptId));
        const last = taken.rows[0]!.last_sequence;
        await write(client, place, outcome, last);
        return { outcome, numbers: numbersOf(rows, outcome, place.partition, last) };
      }),
    );
  }

  override async noteIntents(attempts: readonly OpenAttempt[]): Promise<void> {
    await this.#query(noteIntents, [
      attempts.map(({ intent }) => intent.attemptId),
      attempts.map(({ partition }) => partition),
      attempts.map(({ intent }) => new Date(intent.deadlineAt).toISOString()),
      attempts.map(({ intent }) => intentJson(intent)),
    ]);
  }

  override async overdue(
    partitions: readonly number[],
    before: EpochMillis,
    max: number,
  ): Promise<readonly OpenAttempt[]> {
    const deadline = new Date(before).toISOString();
    await this.#query(forgetCharged, [partitions, deadline]);
    const rows = await this.#query<{ partition: number; intent: StoredIntent }>(overdueAttempts, [
      partitions,
      deadline,
      max,
    ]);
    return rows.map(({ partition, intent }) => ({ partition, intent: intentFrom(intent) }));
  }

  override async stillOpen(attemptIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#query<{ attempt_id: string }>(stillOpen, [attemptIds]);
    return new Set(rows.map(({ attempt_id: attemptId }) => attemptId));
  }

  override async costs({ by, tenant, since, until, rowsMax }: CostsQuery): Promise<Costs> {
    // One row more than the limit: the first row is the total.
    const values = [tenant, isoOrNull(since), isoOrNull(until), rowsMax + 1];
    const [total, ...rows] = await this.#query<SumsRow>(costsBy(by), values);
    return {
      rows: rows.map((row) => ({ dimensions: dimensionsOf(row, by), sums: sumsOf(row) })),
      total: total ? sumsOf(total) : noChange,
    };
  }

  override async replayHash(): Promise<string> {
    const [limbs] = await this.#query<Record<string, string>>(replayLimbs, []);
    let sum = 0n;
    for (let limb = 0; limb < 8; limb++) sum = (sum << 32n) + BigInt(limbs?.[`limb${limb}`] ?? 0);
    return formatReplayHash(sum);
  }

  async #query<R extends QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<readonly R[]> {
    return withLedgerFaults(async () => (await this.#pool.query<R>(text, [...values])).rows);
  }
}

function numbersOf(
  rows: readonly ChargeRow[],
  { entries }: SliceOutcome,
  partition: number,
  last: bigint,
): ReadonlyMap<string, ChargeNumber> {
  const recorded = rows.flatMap((row): readonly [string, ChargeNumber][] => {
    const number = numberIn(row);
    return number ? [[row.charge_id, number]] : [];
  });
  const added = entries.map(
    ({ charge }, index) =>
      [charge.chargeId, { partition, sequence: last + BigInt(index) + 1n }] as const,
  );
  return new Map([...recorded, ...added]);
}

async function write(
  client: PoolClient,
  { topic, partition }: SlicePlace,
  outcome: SliceOutcome,
  last: bigint,
): Promise<void> {
  const { entries, metered, parked } = outcome;
  if (entries.length + metered.length + parked.length === 0) return;
  const { rows } = await client.query<{ inserted: number }>(writeSlice, [
    ...columnArraysOf(entries, (position) => ({
      partition,
      sequence: last + BigInt(position) + 1n,
    })),
    metered,
    parked,
    topic,
    partition,
    last + BigInt(entries.length),
  ]);
  // Another writer has changed the charges on which the amounts were decided, so they are decided again.
  if (rows[0]?.inserted !== entries.length)
    throw new TransientFault(
      contendedCode,
      "Another writer has charged one of these attempts. The slice is folded again.",
    );
}

function isoOrNull(time: EpochMillis | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

type SumsRow = Readonly<Record<string, string | Date | boolean>>;

function sumsOf(row: SumsRow): UsageChange {
  const sums: Record<keyof UsageChange, bigint> = { ...noChange };
  for (const name of usageChangeNames) sums[name] = BigInt(String(row[snakeCase(name)]));
  return sums;
}

function dimensionsOf(row: SumsRow, by: readonly Dimension[]): CostsRow["dimensions"] {
  return Object.fromEntries(
    by.map((dimension) => {
      const value = row[dimension];
      return [dimension, value instanceof Date ? value.toISOString() : String(value)];
    }),
  );
}
