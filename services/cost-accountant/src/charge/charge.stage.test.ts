import { Budgets, type Reservation, type SettledCharge } from "@sluice/budgets";
import type { CostMetered } from "@sluice/contracts";
import { SystemClock, TransientFault } from "@sluice/domain";
import { deliveryOf } from "@sluice/stage";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { declarations, meteredOf } from "../../test/fixtures.ts";
import { ChargeStage } from "./charge.stage.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { AccountantMetrics } from "../metrics.ts";
import { OwnedPartitions } from "./owned-partitions.ts";

class RecordingBudgets extends Budgets {
  readonly settled: SettledCharge[] = [];
  fault: Error | undefined;

  override async reserve(): Promise<readonly Reservation<never>[]> {
    return [];
  }

  override async settle(charges: readonly SettledCharge[]): Promise<void> {
    if (this.fault) throw this.fault;
    this.settled.push(...charges);
  }
}

function newTestStage() {
  const ledger = new InMemoryLedger();
  const budgets = new RecordingBudgets();
  const owned = new OwnedPartitions();
  const metrics = new AccountantMetrics(new Registry());
  const clock = new SystemClock();
  const stage = new ChargeStage(ledger, budgets, declarations, clock, owned, metrics);
  const process = (...meterings: CostMetered[]) =>
    stage.process(meterings.map((record, index) => deliveryOf(record, { offset: BigInt(index) })));
  return { ledger, budgets, owned, stage, process };
}

test("a charge is settled under its attempt id and published under its charge id", async () => {
  const { budgets, process } = newTestStage();
  const [effect] = await process(meteredOf());
  const charge = { attemptId: "attempt", amountNanoUsd: 140_000n };
  expect(budgets.settled).toMatchObject([{ ...charge, scopes: { tenant: "demo" } }]);
  expect(effect).toMatchObject({
    kind: "emit",
    messages: [
      { topic: { name: "cost.charged" }, key: budgets.settled[0]?.chargeId, record: charge },
    ],
  });
});

test("a redelivery settles and publishes the same charge again, and charges nothing", async () => {
  const { ledger, budgets, process } = newTestStage();
  const first = await process(meteredOf());
  const again = await process(meteredOf());
  expect(again).toEqual(first);
  expect(budgets.settled[1]).toEqual(budgets.settled[0]);
  expect(ledger.entries.size).toBe(1);
});

test("if settling fails nothing is published, and the redelivery settles and publishes", async () => {
  const { ledger, budgets, process } = newTestStage();
  budgets.fault = new TransientFault("BUDGETS_UNAVAILABLE", "Budgets are unavailable.");
  await expect(process(meteredOf())).rejects.toThrow("Budgets are unavailable.");
  expect(ledger.entries.size).toBe(1);
  budgets.fault = undefined;
  expect(await process(meteredOf())).toMatchObject([{ kind: "emit" }]);
  expect(budgets.settled).toHaveLength(1);
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

test("the owned partitions are those of the last assignment that were not revoked", async () => {
  const { stage, owned } = newTestStage();
  await stage.onAssigned([0, 1, 2]);
  stage.onRevoked([1]);
  expect(owned.list()).toEqual([0, 2]);
  await stage.onAssigned([3]);
  expect([owned.has(0), owned.has(3)]).toEqual([false, true]);
});
