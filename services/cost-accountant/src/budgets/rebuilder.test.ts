import { InMemoryBudgets } from "@sluice/budgets";
import type { BudgetWindow, CostMetered } from "@sluice/contracts";
import { Clock, TransientFault } from "@sluice/domain";
import { TopicOffsets } from "@sluice/stage";
import * as fc from "fast-check";
import { Registry } from "prom-client";
import { beforeEach, expect, test, vi } from "vitest";
import { book, calledAt, intentOf, meteredOf, usageOf } from "../../test/fixtures.ts";
import { foldSlice } from "../charge/fold-slice.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { AccountantMetrics } from "../metrics.ts";
import { InMemoryBudgetHistory } from "./in-memory-budget-history.ts";
import { BudgetRebuilder } from "./rebuilder.ts";
import { settlementsOf } from "./settlements-of.ts";

const tenant = "demo";
const team: BudgetWindow = {
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 10_000_000n, hard: true, version: 0n },
};

class IntentOffsets extends TopicOffsets {
  end = 0n;
  stored = 0n;

  override async endOffsets(): Promise<ReadonlyMap<number, bigint>> {
    return new Map([[0, this.end]]);
  }

  override async committed(): Promise<ReadonlyMap<number, bigint>> {
    return new Map([[0, this.stored]]);
  }
}

class HandClock extends Clock {
  time = calledAt;

  override now(): number {
    return this.time;
  }
}

let budgets: InMemoryBudgets;
let ledger: InMemoryLedger;
let offsets: IntentOffsets;
let clock: HandClock;
let rebuilder: BudgetRebuilder;

beforeEach(() => {
  clock = new HandClock();
  budgets = new InMemoryBudgets(clock);
  ledger = new InMemoryLedger();
  offsets = new IntentOffsets();
  rebuilder = new BudgetRebuilder(partsOf(ledger));
});

const announce = (attemptId: string) => {
  offsets.end += 1n;
  const intent = intentOf({ attemptId, windows: [team], worstCaseNanoUsd: 1_650_000n });
  return ledger.noteIntents([{ partition: 0, intent }]);
};
const storeIntents = () => (offsets.stored = offsets.end);
const metered = (attemptId: string, changed: Partial<CostMetered> = {}) =>
  meteredOf({ attemptId, windows: [team], ...changed });

/** Folds a metering, and settles it unless the process crashes in between. */
async function charge(metering: CostMetered, crashes = false): Promise<void> {
  const place = { topic: "cost.metered", partition: 0, nextOffset: 1n };
  const { outcome, numbers } = await ledger.fold(
    { ...place, attemptIds: [metering.attemptId] },
    (recorded) => foldSlice([metering], recorded, book, calledAt),
  );
  if (!crashes) await budgets.settle(settlementsOf(outcome.verdicts, numbers));
}

const counted = async () => {
  const [allowance] = await budgets.read(tenant, [team]);
  return [allowance!.spentNanoUsd, allowance!.reservedNanoUsd];
};

test("the budgets of a tenant that is not declared any more are rebuilt, because its last charges are settled", async () => {
  await rebuilder.round();
  budgets.lose();
  const history = new InMemoryBudgetHistory(ledger);
  await history.raiseEpoch(tenant, -1);
  const declarations = { tenants: () => [] };
  await new BudgetRebuilder({ ...partsOf(ledger), declarations, history }).round();
  await charge(metered("last"));
  expect(await counted()).toEqual([140_000n, 0n]);
});

test("a new tenant is opened with nothing spent", async () => {
  await rebuilder.round();
  expect(await budgets.states([tenant])).toEqual([{ kind: "ready" }]);
  expect(await counted()).toEqual([0n, 0n]);
});

test("after a loss, the budgets have what was charged and what open attempts may still cost", async () => {
  await rebuilder.round();
  await announce("charged");
  await announce("open");
  storeIntents();
  await charge(metered("charged"));
  budgets.lose();
  await rebuilder.round();
  expect(await counted()).toEqual([140_000n, 1_650_000n]);
  await charge(metered("open"));
  expect(await counted()).toEqual([280_000n, 0n]);
});

test("a charge that was not settled before the loss counts once, also when it is settled again", async () => {
  await rebuilder.round();
  await charge(metered("a"), true);
  budgets.lose();
  await rebuilder.round();
  await charge(metered("a"));
  expect(await counted()).toEqual([140_000n, 0n]);
});

test("an attempt whose usage was dead-lettered holds its amount, because what it costs is not known", async () => {
  await rebuilder.round();
  await announce("unpriced");
  storeIntents();
  await charge(metered("unpriced", { variant: "unheard-of" }));
  budgets.lose();
  await rebuilder.round();
  expect(await counted()).toEqual([0n, 1_650_000n]);
});

test("a rebuild waits until the intents that were announced before it are stored", async () => {
  await announce("late");
  const round = rebuilder.round();
  await vi.waitFor(async () => {
    expect(await budgets.states([tenant])).toMatchObject([{ kind: "rebuilding" }]);
  });
  storeIntents();
  await round;
  expect(await budgets.states([tenant])).toEqual([{ kind: "ready" }]);
});

test("a rebuild that another process has begun is left to it for half a minute", async () => {
  await budgets.begin(tenant);
  clock.time += 30_000;
  await rebuilder.round();
  expect(await budgets.states([tenant])).toMatchObject([{ kind: "rebuilding" }]);
  clock.time += 1;
  await rebuilder.round();
  expect(await budgets.states([tenant])).toEqual([{ kind: "ready" }]);
});

test("each rebuild has a higher epoch", async () => {
  await rebuilder.round();
  expect(budgets.epochAfter(tenant, 0)).toBe(0);
  budgets.lose();
  await rebuilder.round();
  expect(budgets.epochAfter(tenant, 0)).toBe(1);
});

test("the epoch continues after that of the store if the ledger was restored from a backup", async () => {
  await rebuilder.round();
  budgets.lose();
  await rebuilder.round();
  ledger = new InMemoryLedger();
  await budgets.begin(tenant);
  clock.time += 30_001;
  await new BudgetRebuilder(partsOf(ledger)).round();
  expect(await budgets.lastEpoch(tenant)).toBe(2);
});

test("an outage of the offsets ends the round, and the next one rebuilds", async () => {
  const fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "Kafka is unavailable.");
  const spied = vi.spyOn(offsets, "endOffsets").mockRejectedValueOnce(fault);
  await expect(rebuilder.round()).rejects.toThrow("Kafka is unavailable.");
  await rebuilder.round();
  expect(await budgets.states([tenant])).toEqual([{ kind: "ready" }]);
  expect(spied).toHaveBeenCalledTimes(2);
});

test("budgets stay closed while the intents are not stored in time, and the next round begins again", async () => {
  await announce("late");
  vi.spyOn(offsets, "committed").mockImplementationOnce(async () => {
    clock.time += 20_000;
    return new Map();
  });
  await expect(rebuilder.round()).rejects.toMatchObject({ code: "REBUILD_INTENTS_BEHIND" });
  await expect(counted()).rejects.toMatchObject({ code: "BUDGETS_REBUILDING" });
  storeIntents();
  await rebuilder.round();
  expect(await counted()).toEqual([0n, 1_650_000n]);
});

test("a rebuild that another process overtook restores nothing, and is not repeated at once", async () => {
  const committed = vi.spyOn(offsets, "committed").mockImplementationOnce(async () => {
    await budgets.begin(tenant);
    return new Map([[0, 0n]]);
  });
  const begun = vi.spyOn(budgets, "begin");
  await rebuilder.round();
  await rebuilder.round();
  expect(committed).toHaveBeenCalledTimes(1);
  expect(begun).toHaveBeenCalledTimes(2);
  expect(await budgets.states([tenant])).toMatchObject([{ kind: "rebuilding" }]);
});

test("a tenant whose ledger cannot be read does not keep another one waiting", async () => {
  const parts = partsOf(ledger);
  const snapshot = parts.history.snapshot.bind(parts.history);
  vi.spyOn(parts.history, "snapshot").mockImplementation(async (of) => {
    if (of === "broken") throw new TypeError("defect");
    return snapshot(of);
  });
  const declarations = { tenants: () => ["broken", tenant] };
  const rebuilding = new BudgetRebuilder({ ...parts, declarations });
  await expect(rebuilding.round()).rejects.toThrow("defect");
  expect(await counted()).toEqual([0n, 0n]);
});

test("all reservations that no attempt claimed in time are released, however many", async () => {
  await rebuilder.round();
  const option = { candidate: { variant: "small", worstCaseNanoUsd: 7n }, windows: [team] };
  const attemptIds = ["a", "b"];
  const request = { tenant, deadlineAt: calledAt, options: [option] };
  await budgets.reserve(attemptIds.map((attemptId) => ({ ...request, attemptId })));
  vi.spyOn(budgets, "expire").mockImplementation(async () => {
    const attemptId = attemptIds.pop();
    if (attemptId === undefined) return 0;
    budgets.releaseOpen(tenant, attemptId);
    return 1;
  });
  for (let round = 0; round < 20; round += 1) await rebuilder.round();
  expect(await counted()).toEqual([0n, 0n]);
});

test("a fault is logged when it begins or changes, and counted each time", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const logged: unknown[] = [];
  const log = (fields: unknown) => logged.push(fields);
  const registry = new Registry();
  const metrics = new AccountantMetrics(registry);
  const rebuilding = new BudgetRebuilder({
    ...partsOf(ledger),
    metrics,
    logger: { info: () => undefined, warn: log, error: log },
    intervalMs: 500,
  });
  const states = vi.spyOn(budgets, "states");
  states.mockRejectedValue(new TransientFault("REDIS_UNAVAILABLE", "Redis is unavailable."));
  rebuilding.start();
  for (let round = 0; round < 2; round += 1) await vi.advanceTimersByTimeAsync(500);
  states.mockRejectedValue(new TypeError("defect"));
  for (let round = 0; round < 2; round += 1) await vi.advanceTimersByTimeAsync(500);
  await rebuilding.stop();
  states.mockRestore();
  vi.useRealTimers();
  expect(logged).toMatchObject([{ code: "REDIS_UNAVAILABLE" }, { code: "REBUILD_DEFECT" }]);
  const faults = await registry.getSingleMetric("budgets_rebuild_faults_total")?.get();
  expect(faults?.values.map(({ value }) => value)).toEqual([3, 2]);
});

test("whatever is charged, lost, rebuilt and repeated, the budgets have what the ledger has", async () => {
  const tokens = fc.bigInt({ min: 0n, max: 5_000n });
  const step = fc.record({
    kind: fc.constantFrom("announce", "report", "estimate", "crash", "repeat", "lose", "expire"),
    attempt: fc.integer({ min: 0, max: 4 }),
    inputTokens: tokens,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      budgets.lose();
      ledger = new InMemoryLedger();
      storeIntents();
      const rebuilding = new BudgetRebuilder(partsOf(ledger));
      await rebuilding.round();
      let unsettled: CostMetered[] = [];
      for (const { kind, attempt, inputTokens } of steps) {
        const id = `attempt-${attempt}`;
        const usage = usageOf({ inputTokens, outputTokens: 0n });
        const estimate = metered(id, { kind: "estimated", usage });
        // A crash stops the partition: nothing later is settled before the redelivery.
        if (["report", "estimate", "repeat"].includes(kind)) {
          for (const earlier of unsettled) await charge(earlier);
          unsettled = [];
        }
        if (kind === "announce") await announce(id);
        if (kind === "report" || kind === "repeat") await charge(metered(id, { usage }));
        if (kind === "estimate") await charge(estimate);
        if (kind === "crash" && unsettled.length === 0) {
          await charge(metered(id, { usage }), true);
          unsettled.push(metered(id, { usage }));
        }
        if (kind === "expire") await budgets.expire(tenant);
        if (kind === "lose") {
          storeIntents();
          budgets.lose();
          await rebuilding.round();
        }
      }
      for (const earlier of unsettled) await charge(earlier);
      const spent = [...ledger.entries.values()].reduce(
        (sum, { charge: { amountNanoUsd } }) => sum + amountNanoUsd,
        0n,
      );
      const [spentNow, reservedNow] = await counted();
      expect(spentNow).toBe(spent);
      // Only a rebuild reserves in this test. Every open attempt that it found ends by its charge.
      expect(reservedNow! % 1_650_000n).toBe(0n);
      for (let attempt = 0; attempt <= 4; attempt += 1) await charge(metered(`attempt-${attempt}`));
      expect((await counted())[1]).toBe(0n);
    }),
    { numRuns: 100 },
  );
});

function partsOf(of: InMemoryLedger) {
  return {
    declarations: { tenants: () => [tenant] },
    rebuild: budgets,
    settlements: budgets,
    history: new InMemoryBudgetHistory(of),
    offsets,
    clock,
    metrics: new AccountantMetrics(new Registry()),
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    intentsGroup: "intents",
    intervalMs: 1_000_000,
  };
}
