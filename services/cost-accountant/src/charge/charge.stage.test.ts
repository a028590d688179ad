import { InMemoryBudgets, type Settlement } from "@sluice/budgets";
import type { BudgetWindow, CostMetered } from "@sluice/contracts";
import { SystemClock, TransientFault } from "@sluice/domain";
import { deliveryOf } from "@sluice/stage";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import {
  attributionSecret,
  declarations,
  intentOf,
  meteredOf,
  usageOf,
} from "../../test/fixtures.ts";
import { ChargeStage } from "./charge.stage.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { AccountantMetrics } from "../metrics.ts";
import { OwnedPartitions } from "./owned-partitions.ts";

const team: BudgetWindow = {
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 1_000_000n, hard: true, version: 0n },
};
const inBudget = (changed: Partial<CostMetered> = {}) =>
  meteredOf({ windows: [team], runId: "run", ...changed });

/** The budgets of the tenant in memory, which a test can make unavailable. */
class TestBudgets extends InMemoryBudgets {
  fault: Error | undefined;

  override async settle(settlements: readonly Settlement[]): Promise<void> {
    if (this.fault) throw this.fault;
    await super.settle(settlements);
  }

  async spent(): Promise<bigint> {
    return (await this.read("demo", [team]))[0]!.spentNanoUsd;
  }
}

function newTestStage() {
  const ledger = new InMemoryLedger();
  const budgets = new TestBudgets(new SystemClock(), { kind: "ready" });
  const owned = new OwnedPartitions();
  const registry = new Registry();
  const metrics = new AccountantMetrics(registry);
  const clock = new SystemClock();
  const trust = { secret: attributionSecret, previousSecrets: [], unsignedUntil: null };
  const stage = new ChargeStage(
    ...([ledger, budgets, declarations, clock, owned, metrics, trust] as const),
  );
  const process = (...meterings: CostMetered[]) =>
    stage.process(meterings.map((record, index) => deliveryOf(record, { offset: BigInt(index) })));
  return { ledger, budgets, owned, stage, process, metrics: () => registry.metrics() };
}

test("a charge is settled in its windows and published with them", async () => {
  const { budgets, process } = newTestStage();
  const [effect] = await process(inBudget());
  expect(await budgets.spent()).toBe(140_000n);
  expect(effect).toMatchObject({
    kind: "emit",
    messages: [
      {
        topic: { name: "cost.charged" },
        record: { amountNanoUsd: 140_000n, windows: [team], runId: "run" },
      },
    ],
  });
});

test("a redelivery publishes the same charge again, and settles and charges nothing", async () => {
  const { ledger, budgets, process } = newTestStage();
  const first = await process(inBudget());
  const again = await process(inBudget());
  expect(again).toEqual(first);
  expect(await budgets.spent()).toBe(140_000n);
  expect(ledger.entries.size).toBe(1);
});

test("if settling fails nothing is published, and the redelivery settles and publishes", async () => {
  const { ledger, budgets, process } = newTestStage();
  budgets.fault = new TransientFault("REDIS_UNAVAILABLE", "Redis did not answer.");
  await expect(process(inBudget())).rejects.toThrow("Redis did not answer.");
  expect(ledger.entries.size).toBe(1);
  budgets.fault = undefined;
  expect(await process(inBudget(), inBudget({ attemptId: "next" }))).toMatchObject([
    { kind: "emit" },
    { kind: "emit" },
  ]);
  expect(await budgets.spent()).toBe(280_000n);
});

test("a report after an estimate settles the difference, and a saving and a charge without a budget nothing", async () => {
  const { budgets, process } = newTestStage();
  const estimate = { kind: "estimated", usage: usageOf({ inputTokens: 900n }) } as const;
  await process(inBudget(estimate), inBudget(), meteredOf({ attemptId: "other" }));
  await process(inBudget({ kind: "saving", attemptId: "hit", attemptNumber: 0 }));
  expect(await budgets.spent()).toBe(140_000n);
});

test("each metering has one effect, in order", async () => {
  const effects = await newTestStage().process(
    meteredOf(),
    meteredOf({ variant: "unheard-of", attemptId: "other" }),
    meteredOf({ kind: "estimated" }),
  );
  expect(effects).toMatchObject([
    { kind: "emit" },
    { kind: "dead-letter", code: "PRICE_UNKNOWN" },
    { kind: "skip" },
  ]);
});

test("a metering that ingress did not sign becomes a dead letter, and changes nothing in the ledger", async () => {
  const { ledger, process, metrics } = newTestStage();
  const { attribution } = meteredOf({ requestId: "other" });
  const forged = meteredOf({ attribution: { ...attribution, tenant: "victim" } });
  await ledger.noteIntents([{ partition: 0, intent: intentOf() }]);
  const effects = await process(
    meteredOf({ attemptId: "a" }),
    forged,
    meteredOf({ attemptId: "b" }),
  );
  expect(effects).toMatchObject([
    { kind: "emit" },
    { kind: "dead-letter", code: "ATTRIBUTION_MISMATCH" },
    { kind: "emit" },
  ]);
  const charged = [...ledger.entries.values()].map(({ charge }) => charge.attemptId);
  expect(charged).toEqual(["a", "b"]);
  // A forgery must not end the real attempt: the sweep still finds it.
  expect(await ledger.stillOpen(["attempt"])).toEqual(new Set(["attempt"]));
  expect(await metrics()).toContain(
    'attributions_refused_total{topic="cost.metered",code="ATTRIBUTION_MISMATCH"} 1',
  );
});

test("a slice of which no metering is signed moves the offset and charges nothing", async () => {
  const { ledger, process } = newTestStage();
  const unsigned = { ...meteredOf().attribution, signature: "0" };
  const effects = await process(meteredOf({ attribution: unsigned }));
  expect(effects).toMatchObject([{ kind: "dead-letter", code: "ATTRIBUTION_MISMATCH" }]);
  expect(ledger.entries.size).toBe(0);
});

test("the owned partitions are those of the last assignment that were not revoked", async () => {
  const { stage, owned } = newTestStage();
  await stage.onAssigned([0, 1, 2]);
  stage.onRevoked([1]);
  expect(owned.list()).toEqual([0, 2]);
  await stage.onAssigned([3]);
  expect([owned.has(0), owned.has(3)]).toEqual([false, true]);
});
