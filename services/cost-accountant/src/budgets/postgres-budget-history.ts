import { Injectable } from "@nestjs/common";
import type { BudgetSnapshot, OpenReservation, SpentWindow } from "@sluice/budgets";
import { type InferenceAttempted, topics } from "@sluice/contracts";
import { Pool, type PoolClient } from "pg";
import { intentFrom, type StoredIntent } from "../ledger/intent-json.ts";
import {
  lastSequences,
  raiseEpoch,
  rebuiltTenants,
  spentWindows,
  unchargedIntents,
} from "../ledger/ledger-statements.ts";
import { withLedgerFaults } from "../ledger/postgres-faults.ts";
import { inTransaction } from "../ledger/postgres-pool.ts";
import { BudgetHistory } from "./budget-history.ts";
import { openReservationsOf } from "./open-reservations.ts";

/** The history of budgets in the tables of the ledger. */
@Injectable()
export class PostgresBudgetHistory extends BudgetHistory {
  constructor(private readonly pool: Pool) {
    super();
  }

  override async raiseEpoch(tenant: string, last: number): Promise<number> {
    return withLedgerFaults(async () => {
      const { rows } = await this.pool.query<{ epoch: number }>(raiseEpoch, [tenant, last]);
      return rows[0]!.epoch;
    });
  }

  override async tenants(): Promise<readonly string[]> {
    return withLedgerFaults(async () => {
      const { rows } = await this.pool.query<{ tenant: string }>(rebuiltTenants);
      return rows.map(({ tenant }) => tenant);
    });
  }

  override async snapshot(tenant: string): Promise<Omit<BudgetSnapshot, "tenant" | "epoch">> {
    return withLedgerFaults(() =>
      inTransaction(this.pool, async (client) => {
        await client.query("set transaction isolation level repeatable read read only");
        return {
          settled: await settledIn(client),
          spent: await spentIn(client, tenant),
          open: await openIn(client, tenant),
        };
      }),
    );
  }
}

async function settledIn(client: PoolClient): Promise<ReadonlyMap<number, bigint>> {
  const { rows } = await client.query<{ partition: number; last_sequence: bigint }>(lastSequences, [
    topics.costMetered.name,
  ]);
  return new Map(rows.map(({ partition, last_sequence: last }) => [partition, last]));
}

interface SpentRow {
  readonly budget: string;
  readonly scope: string;
  readonly opens_at: Date | null;
  readonly closes_at: Date | null;
  readonly spent: string;
}

async function spentIn(client: PoolClient, tenant: string): Promise<readonly SpentWindow[]> {
  const { rows } = await client.query<SpentRow>(spentWindows, [tenant]);
  return rows.map(({ budget, scope, opens_at: opensAt, closes_at: closesAt, spent }) => ({
    window: {
      budget,
      scope,
      opensAt: opensAt?.getTime() ?? null,
      closesAt: closesAt?.getTime() ?? null,
    },
    spentNanoUsd: BigInt(spent),
  }));
}

async function openIn(client: PoolClient, tenant: string): Promise<readonly OpenReservation[]> {
  const { rows } = await client.query<{ intent: StoredIntent }>(unchargedIntents, [tenant]);
  const intents = rows.map(({ intent }): InferenceAttempted => intentFrom(intent));
  return openReservationsOf(intents);
}
