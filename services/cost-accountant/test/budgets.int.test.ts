import { once } from "node:events";
import { RedisBudgets } from "@sluice/budgets";
import { type CostCharged, type CostMetered, topics } from "@sluice/contracts";
import { SystemClock, TransientFault, type Window } from "@sluice/domain";
import { connectRedis, tenantTagOf } from "@sluice/redis";
import { TopicOffsets } from "@sluice/stage";
import { TopicReader } from "@sluice/testing";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { PostgresBudgetHistory } from "../src/budgets/postgres-budget-history.ts";
import { BudgetRebuilder } from "../src/budgets/rebuilder.ts";
import { settlementsOf } from "../src/budgets/settlements-of.ts";
import { foldSlice } from "../src/charge/fold-slice.ts";
import { PostgresLedger } from "../src/ledger/postgres-ledger.ts";
import { AccountantMetrics } from "../src/metrics.ts";
import { AccountantFixture, eventually } from "./accountant-fixture.ts";
import { book, calledAt, intentOf, meteredOf, usageOf, windowOf } from "./fixtures.ts";

const tenant = "demo";
const team = windowOf();
const userOf = (index: number): Window => windowOf({ budget: "user", scope: `user=${index % 3}` });
const all = [team, userOf(0), userOf(1), userOf(2)];
const redis = connectRedis(process.env["SLUICE_REDIS_URL"]!, {
  name: "budgets-test",
  commandTimeoutMs: 5_000,
});

let fixture: AccountantFixture;
let budgets: RedisBudgets;
beforeAll(async () => {
  await once(redis, "ready");
});
beforeEach(async () => {
  fixture = await AccountantFixture.create();
  budgets = new RedisBudgets(redis, fixture.connection.topicPrefix);
});
afterEach(() => fixture.close());
afterAll(() => redis.disconnect());

/** Removes everything that Redis has of the tenant, as an empty restart does. */
async function lose(): Promise<void> {
  const keys = await redis.keys(`${tenantTagOf(fixture.connection.topicPrefix, tenant)}:*`);
  if (keys.length > 0) await redis.del(...keys);
}

/** Repeats as a stage does, which waits for the end of an outage. */
async function untilDone<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (fault) {
      if (!(fault instanceof TransientFault)) throw fault;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function counters(): Promise<readonly (readonly [spent: bigint, reserved: bigint])[]> {
  const allowances = await untilDone(() => budgets.read(tenant, all));
  return allowances.map(({ spentNanoUsd, reservedNanoUsd }) => [spentNanoUsd, reservedNanoUsd]);
}

/** What the charges of the ledger say of each window. */
async function charged(): Promise<readonly (readonly [spent: bigint, reserved: bigint])[]> {
  const { rows } = await fixture.database.pool.query<{ window: string; spent: string }>(
    `select (w->>'budget') || (w->>'scope') as window, sum(amount_nano_usd)::text as spent
     from charges, jsonb_array_elements(windows) as w group by 1`,
  );
  const sums = new Map(rows.map(({ window, spent }) => [window, BigInt(spent)]));
  return all.map(({ budget, scope }) => [sums.get(budget + scope) ?? 0n, 0n]);
}

/** Every third attempt is estimated before it is reported, and every fifth report is repeated. */
function meteringsOf(index: number): readonly CostMetered[] {
  const attemptId = `attempt-${index}`;
  const common = { attemptId, requestId: attemptId, windows: [team, userOf(index)] };
  const report = meteredOf({
    ...common,
    usage: usageOf({ inputTokens: BigInt(index), outputTokens: 9n }),
  });
  const estimate = meteredOf({
    ...common,
    kind: "estimated",
    usage: usageOf({ inputTokens: 900n, outputTokens: 0n }),
  });
  return [...(index % 3 ? [] : [estimate]), report, ...(index % 5 ? [] : [report])];
}

class NoIntents extends TopicOffsets {
  override async endOffsets(): Promise<ReadonlyMap<number, bigint>> {
    return new Map();
  }

  override async committed(): Promise<ReadonlyMap<number, bigint>> {
    return new Map();
  }
}

test("budgets that are lost while charges are settled end as the ledger, and reserve nothing more", async () => {
  const { pool } = fixture.database;
  const ledger = new PostgresLedger(pool);
  const rebuilder = new BudgetRebuilder({
    ...{ rebuild: budgets, settlements: budgets, history: new PostgresBudgetHistory(pool) },
    ...{ declarations: { tenants: () => [tenant] }, offsets: new NoIntents(), intervalMs: 10 },
    ...{ clock: new SystemClock(), metrics: new AccountantMetrics(new Registry()) },
    ...{ logger: { info: ignore, warn: ignore, error: ignore }, intentsGroup: "none" },
  });
  rebuilder.start();

  const partitions: CostMetered[][] = [[], [], []];
  const request = async (index: number) => {
    const attemptId = `attempt-${index}`;
    const windows = [team, userOf(index)];
    const option = { candidate: { variant: "small", worstCaseNanoUsd: 1_650_000n }, windows };
    const deadlineAt = Date.now() + 60_000;
    await untilDone(() => budgets.reserve([{ tenant, attemptId, deadlineAt, options: [option] }]));
    await ledger.noteIntents([{ partition: 0, intent: intentOf({ attemptId, windows }) }]);
    partitions[index % 3]!.push(...meteringsOf(index));
  };
  const process = async (partition: number, slice: readonly CostMetered[]) => {
    const attemptIds = slice.map(({ attemptId }) => attemptId);
    const place = { topic: topics.costMetered.name, partition, nextOffset: 1n, attemptIds };
    const { outcome, numbers } = await ledger.fold(place, (recorded) =>
      foldSlice(slice, recorded, book, calledAt),
    );
    await budgets.settle(settlementsOf(outcome.verdicts, numbers));
  };
  const over = new AbortController();
  const charging = partitions.map(async (metered, partition) => {
    for (let from = 0; !over.signal.aborted || from < metered.length;) {
      const slice = metered.slice(from, from + 7);
      if (slice.length > 0) await untilDone(() => process(partition, slice));
      else await new Promise((resolve) => setTimeout(resolve, 1));
      from += slice.length;
    }
  });
  let losses = 0;
  const losing = (async () => {
    while (!over.signal.aborted) {
      // Between two losses the budgets are open for a moment, so that the work makes progress on a busy machine too.
      await counters();
      await new Promise((resolve) => setTimeout(resolve, 60));
      await lose();
      losses += 1;
    }
  })();

  for (let from = 0; from < 600; from += 20)
    await Promise.all(Array.from({ length: 20 }, (_, index) => request(from + index)));
  over.abort();
  await Promise.all([...charging, losing]);
  expect(losses).toBeGreaterThan(3);
  expect(await counters()).toEqual(await charged());
  await rebuilder.stop();
});

test("two accountants rebuild lost budgets from the ledger while usage arrives", async () => {
  const reader = await TopicReader.open(fixture.connection, fixture.codecs, topics.costCharged);
  await Promise.all([fixture.start(), fixture.start()]);
  const windows = [team, userOf(0)];
  const open = intentOf({ attemptId: "open", windows, deadlineAt: Date.now() + 600_000 });
  await fixture.announce(open);
  const list = Array.from({ length: 120 }, (_, index) => meteringsOf(index));
  await fixture.meter(...list.slice(0, 60).flat());
  await reader.until(() => true, 20);
  await lose();
  await expect(budgets.expire(tenant)).rejects.toMatchObject({ code: "BUDGETS_REBUILDING" });
  await fixture.meter(...list.slice(60).flat());
  await reader.until(({ kind }: CostCharged) => kind === "reported", 120);
  await eventually(
    async () => {
      const { rows } = await fixture.database.pool.query("select from charges");
      return rows.length;
    },
    (rows) => rows === 160,
  );
  const expected = (await charged()).map(([spent], index) => [spent, index < 2 ? 1_650_000n : 0n]);
  await eventually(counters, (found) => String(found) === String(expected));
  expect(await counters()).toEqual(expected);
  await reader.close();
});

function ignore(): void {
  // The test looks at the counters.
}
