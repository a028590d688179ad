import { InMemoryBudgets } from "@sluice/budgets";
import type { CostMetered } from "@sluice/contracts";
import type { Window } from "@sluice/domain";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { book, calledAt, intentOf, meteredOf, usageOf, windowOf } from "../../test/fixtures.ts";
import { foldSlice } from "../charge/fold-slice.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { InMemoryBudgetHistory } from "./in-memory-budget-history.ts";
import { settlementsOf } from "./settlements-of.ts";

const tenant = "demo";
const worstCaseNanoUsd = 1_650_000n;
/** Attempt n counts for its team and for one of two users. */
const team = windowOf();
const windowsOf = (attempt: number): readonly Window[] => [
  team,
  windowOf({ budget: "user", scope: `user=${attempt % 2}` }),
];
const all = [...new Set([...windowsOf(0), ...windowsOf(1)])];

/** A pipeline in memory: one topic with two partitions, the ledger, and the budgets. */
class Pipeline {
  readonly ledger = new InMemoryLedger();
  readonly budgets = new InMemoryBudgets();
  readonly #history = new InMemoryBudgetHistory(this.ledger);
  readonly #topic: CostMetered[][] = [[], []];
  readonly #committed = [0, 0];
  readonly #claimed = new Set<number>();

  async rebuild(): Promise<void> {
    this.budgets.lose();
    const token = await this.budgets.begin(tenant);
    const epoch = await this.#history.raiseEpoch(tenant, -1);
    const snapshot = await this.#history.snapshot(tenant);
    await this.budgets.restore(token, { tenant, epoch, ...snapshot });
  }

  /** Reserves, claims and announces an attempt. */
  async begin(attempt: number): Promise<void> {
    if (this.#claimed.has(attempt)) return;
    this.#claimed.add(attempt);
    const attemptId = `attempt-${attempt}`;
    const windows = windowsOf(attempt);
    const option = { candidate: { variant: "small", worstCaseNanoUsd }, windows };
    await this.budgets.reserve([{ tenant, attemptId, deadlineAt: calledAt, options: [option] }]);
    this.budgets.claim({ tenant, attemptId, dispatchedId: attemptId, option });
    const intent = intentOf({ attemptId, windows, worstCaseNanoUsd });
    await this.ledger.noteIntents([{ partition: attempt % 2, intent }]);
  }

  /** Appends a metering of an attempt that has begun, which may be a repeat. */
  meter(attempt: number, kind: "reported" | "estimated", inputTokens: bigint): void {
    if (!this.#claimed.has(attempt)) return;
    const attemptId = `attempt-${attempt}`;
    const usage = usageOf({ inputTokens, outputTokens: 0n });
    const windows = windowsOf(attempt);
    this.#topic[attempt % 2]!.push(meteredOf({ attemptId, kind, usage, windows }));
  }

  /**
   * Reads a slice of a partition, and stops after `until`. Only a slice that is committed is not read again.
   */
  async read(partition: number, size: number, until: "fold" | "settle" | "commit"): Promise<void> {
    const from = this.#committed[partition]!;
    const slice = this.#topic[partition]!.slice(from, from + size);
    const attemptIds = slice.map(({ attemptId }) => attemptId);
    const place = { topic: "cost.metered", partition, nextOffset: 0n, attemptIds };
    const { outcome, numbers } = await this.ledger.fold(place, (recorded) =>
      foldSlice(slice, recorded, book, calledAt),
    );
    if (until === "fold") return;
    await this.budgets.settle(settlementsOf(outcome.verdicts, numbers));
    if (until === "commit") this.#committed[partition] = from + slice.length;
  }

  async drain(): Promise<void> {
    for (const partition of [0, 1]) await this.read(partition, 1_000, "commit");
  }

  async counters(): Promise<readonly (readonly [spent: bigint, reserved: bigint])[]> {
    const allowances = await this.budgets.read(tenant, all);
    return allowances.map(({ spentNanoUsd, reservedNanoUsd }) => [spentNanoUsd, reservedNanoUsd]);
  }

  /** What the ledger and the announced attempts say that the counters must be. */
  async expected(): Promise<readonly (readonly [spent: bigint, reserved: bigint])[]> {
    const charges = [...this.ledger.entries.values()].map(({ charge }) => charge);
    const charged = new Set(charges.map(({ attemptId }) => attemptId));
    const isIn = (windows: readonly Window[], { budget, scope }: Window) =>
      windows.some((window) => window.budget === budget && window.scope === scope);
    return all.map((window) => {
      const spent = charges
        .filter(({ windows }) => isIn(windows, window))
        .reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
      const open = [...this.#claimed].filter(
        (attempt) => !charged.has(`attempt-${attempt}`) && isIn(windowsOf(attempt), window),
      );
      return [spent, BigInt(open.length) * worstCaseNanoUsd];
    });
  }
}

const attempt = fc.integer({ min: 0, max: 5 });
const step = fc.oneof(
  fc.record({ kind: fc.constant("begin" as const), attempt }),
  fc.record({
    kind: fc.constant("meter" as const),
    attempt,
    as: fc.constantFrom("reported" as const, "estimated" as const),
    inputTokens: fc.bigInt({ min: 0n, max: 1_000n }),
  }),
  fc.record({
    kind: fc.constant("read" as const),
    partition: fc.constantFrom(0, 1),
    size: fc.integer({ min: 1, max: 5 }),
    until: fc.constantFrom("fold" as const, "settle" as const, "commit" as const),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Takes the steps, and loses and rebuilds the budgets before those at `losses`. */
async function live(steps: readonly Step[], losses: ReadonlySet<number>): Promise<Pipeline> {
  const pipeline = new Pipeline();
  await pipeline.rebuild();
  for (const [index, each] of steps.entries()) {
    if (losses.has(index)) await pipeline.rebuild();
    if (each.kind === "begin") await pipeline.begin(each.attempt);
    else if (each.kind === "meter") pipeline.meter(each.attempt, each.as, each.inputTokens);
    else await pipeline.read(each.partition, each.size, each.until);
  }
  return pipeline;
}

// The default size makes short histories, in which nothing is lost between a charge and its repeat.
const steps = fc.array(step, { maxLength: 40, size: "max" });
const losses = fc.array(fc.nat(39), { maxLength: 4 });

test("after any crashes, repeats, estimates and losses, the budgets have what is charged, and hold what is open", async () => {
  await fc.assert(
    fc.asyncProperty(steps, losses, async (history, places) => {
      const pipeline = await live(history, new Set(places));
      await pipeline.drain();
      expect(await pipeline.counters()).toEqual(await pipeline.expected());
      await pipeline.rebuild();
      expect(await pipeline.counters()).toEqual(await pipeline.expected());
    }),
    { numRuns: 300 },
  );
});

test("a history with losses ends in the same budgets as the history without", async () => {
  await fc.assert(
    fc.asyncProperty(steps, losses, async (history, places) => {
      const [lossy, safe] = [await live(history, new Set(places)), await live(history, new Set())];
      for (const pipeline of [lossy, safe]) await pipeline.drain();
      expect(await lossy.counters()).toEqual(await safe.counters());
    }),
    { numRuns: 200 },
  );
});

test("reading a slice again after it was settled changes nothing", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const pipeline = await live(history, new Set());
      for (const partition of [0, 1]) await pipeline.read(partition, 1_000, "settle");
      const before = await pipeline.counters();
      for (const partition of [0, 1]) await pipeline.read(partition, 1_000, "settle");
      expect(await pipeline.counters()).toEqual(before);
    }),
    { numRuns: 200 },
  );
});
