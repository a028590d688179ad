import type { BudgetWindow } from "@sluice/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InMemoryBudgetHistory } from "../src/budgets/in-memory-budget-history.ts";
import { PostgresBudgetHistory } from "../src/budgets/postgres-budget-history.ts";
import { InMemoryLedger } from "../src/ledger/in-memory-ledger.ts";
import { PostgresLedger } from "../src/ledger/postgres-ledger.ts";
import { intentOf, meteredOf } from "./fixtures.ts";
import { foldInto } from "./fold-into.ts";
import { createLedgerDatabase, type LedgerDatabase } from "./ledger-database.ts";

const opensAt = Date.now() - 1_000;
const windowOf = (changed: Partial<BudgetWindow>): BudgetWindow => ({
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 1n, hard: true, version: 0n },
  ...changed,
});
const windows = [
  windowOf({}),
  windowOf({ budget: "run", scope: "run=a%2Cb" }),
  windowOf({ budget: "day", opensAt, closesAt: opensAt + 86_400_000 }),
];

let database: LedgerDatabase;
beforeAll(async () => {
  database = await createLedgerDatabase();
});
afterAll(() => database.drop());

test("the database has the epochs and the tenants of the rebuilds, and a snapshot of what counts", async () => {
  const history = new PostgresBudgetHistory(database.pool);
  const fake = new InMemoryLedger();
  for (const ledger of [new PostgresLedger(database.pool), fake]) {
    await ledger.noteIntents(
      ["charged", "open", "free"].map((attemptId) => ({
        partition: 0,
        intent: intentOf({ attemptId, windows: attemptId === "free" ? [] : windows }),
      })),
    );
    await foldInto(ledger, [
      meteredOf({ attemptId: "charged", windows }),
      meteredOf({ attemptId: "further", windows: windows.slice(0, 1) }),
    ]);
  }
  const { tenant } = meteredOf().attribution;
  const snapshot = await history.snapshot(tenant);
  const expected = await new InMemoryBudgetHistory(fake).snapshot(tenant);
  const named = ({ spent }: typeof snapshot) =>
    new Map(spent.map(({ window, spentNanoUsd }) => [window.budget, spentNanoUsd]));
  expect(named(snapshot)).toEqual(named(expected));
  expect(named(snapshot).size).toBe(3);
  expect(snapshot.open).toEqual(expected.open);
  expect(snapshot.open.map(({ attemptId }) => attemptId)).toEqual(["open"]);
  expect(snapshot.settled).toEqual(expected.settled);
  expect(await history.snapshot("other")).toMatchObject({ spent: [], open: [] });

  expect(await history.tenants()).toEqual([]);
  expect([await history.raiseEpoch(tenant), await history.raiseEpoch(tenant)]).toEqual([0, 1]);
  expect(await history.tenants()).toEqual([tenant]);
});

test("a window that closed days ago, and a run that has rested for a month, count no longer", async () => {
  const history = new PostgresBudgetHistory(database.pool);
  await database.owner.query(
    `update budget_windows set closes_at = now() - interval '4 days' where budget = 'day'`,
  );
  await database.owner.query(`update budget_windows set updated_at = now() - interval '31 days'`);
  const { spent } = await history.snapshot(meteredOf().attribution.tenant);
  expect(spent.map(({ window }) => window.budget)).toEqual(["team"]);
});
