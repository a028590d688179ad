import { randomUUID } from "node:crypto";
import type { NanoUsd, Window } from "@sluice/domain";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type {
  Allowances,
  BoundedCandidate,
  BudgetRebuild,
  Budgets,
  ReservationOption,
  Settlement,
  Settlements,
  Shortage,
} from "../budgets.ts";
import type { AttemptNeed } from "../in-memory/in-memory-budgets.ts";

export interface BudgetsHarness {
  readonly budgets: Budgets & Settlements & BudgetRebuild & Allowances;
  /** Claims an attempt, as the scripts of attempts do. */
  readonly claim: (need: AttemptNeed) => Promise<Shortage | "refused" | null>;
  /** Releases a reservation that no attempt has claimed, as the scripts of outcomes do. */
  readonly releaseOpen: (tenant: string, attemptId: string) => Promise<void>;
  /** Removes everything, as a store does that starts empty. */
  readonly lose: (tenant: string) => Promise<void>;
}

const dollar = 1_000_000_000n;
const later = () => Date.now() + 60_000;
const windowOf = (changed: Partial<Window> = {}): Window => ({
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 5n * dollar, hard: true, version: 1n },
  ...changed,
});
const team = windowOf();
const optionOf = (
  worstCaseNanoUsd: NanoUsd,
  windows: readonly Window[] = [team],
  variant = "small",
): ReservationOption<BoundedCandidate> => ({ candidate: { variant, worstCaseNanoUsd }, windows });

/** What every implementation of the budgets does. */
export function describeBudgets(create: () => Promise<BudgetsHarness>): void {
  let harness: BudgetsHarness;
  let tenant: string;
  let sequence: bigint;

  beforeEach(async () => {
    harness ??= await create();
    tenant = `tenant-${randomUUID()}`;
    sequence = 0n;
    await restore();
  });

  const restore = async (snapshot = {}) => {
    const token = await harness.budgets.begin(tenant);
    const empty = { tenant, epoch: 0, settled: new Map<number, bigint>(), spent: [], open: [] };
    return harness.budgets.restore(token, { ...empty, ...snapshot });
  };
  const reserve = async (
    attemptId: string,
    options: readonly ReservationOption<BoundedCandidate>[],
    deadlineAt = later(),
  ) => {
    const request = { tenant, attemptId, deadlineAt, options };
    const [reservation] = await harness.budgets.reserve([request]);
    return reservation!;
  };
  const reserveAll = async (ids: readonly string[], amount: NanoUsd) =>
    harness.budgets.reserve(
      ids.map((attemptId) => ({
        ...{ tenant, attemptId, deadlineAt: later(), options: [optionOf(amount)] },
      })),
    );
  const charge = (attemptId: string, amountNanoUsd: NanoUsd, changed = {}): Settlement => {
    sequence += 1n;
    const windows = [team];
    const number = { partition: 0, sequence, isNew: true };
    return { tenant, attemptId, windows, amountNanoUsd, ...number, ...changed };
  };
  const claim = (attemptId: string, amount: NanoUsd, changed: Partial<AttemptNeed> = {}) =>
    harness.claim({
      ...{ tenant, attemptId, dispatchedId: attemptId, option: optionOf(amount) },
      ...changed,
    });
  const left = async (window: Window = team) => {
    const [allowance] = await harness.budgets.read(tenant, [window]);
    return [allowance!.spentNanoUsd, allowance!.reservedNanoUsd];
  };

  describe("a reservation", () => {
    test("is granted until the limit, to the last nano-dollar, and refused beyond it", async () => {
      expect(await reserve("a", [optionOf(5n * dollar - 1n)])).toMatchObject({ kind: "granted" });
      expect(await reserve("b", [optionOf(2n)])).toEqual({
        kind: "refused",
        shortage: { window: team, neededNanoUsd: 2n, allowanceNanoUsd: 1n },
      });
      expect(await reserve("c", [optionOf(1n)])).toMatchObject({ kind: "granted" });
      expect(await left()).toEqual([0n, 5n * dollar]);
    });

    test("of 1,000 requests is granted to exactly as many as the limit covers", async () => {
      const ids = Array.from({ length: 1_000 }, (_, index) => `r${index}`);
      const halves = [ids.slice(0, 500), ids.slice(500)];
      const answers = await Promise.all(halves.map((half) => reserveAll(half, dollar / 10n)));
      expect(answers.flat().filter(({ kind }) => kind === "granted")).toHaveLength(50);
      expect(await left()).toEqual([0n, 5n * dollar]);
    });

    test("needs the allowance of all its windows, and changes none of them if one refuses", async () => {
      const user = windowOf({ budget: "user", scope: "user=ann", limitNanoUsd: dollar });
      expect(await reserve("a", [optionOf(2n * dollar, [team, user])])).toMatchObject({
        kind: "refused",
        shortage: { window: user, allowanceNanoUsd: dollar },
      });
      expect([await left(), await left(user)]).toEqual([
        [0n, 0n],
        [0n, 0n],
      ]);
    });

    test("takes the first option that fits, and returns the others that would fit too", async () => {
      const premium = windowOf({ budget: "premium", limitNanoUsd: dollar });
      const reservation = await reserve("a", [
        optionOf(2n * dollar, [team, premium], "large"),
        optionOf(dollar, [team], "middle"),
        optionOf(6n * dollar, [team], "huge"),
        optionOf(1n, [team], "small"),
      ]);
      expect(reservation).toMatchObject({
        kind: "granted",
        candidates: [{ variant: "middle" }, { variant: "small" }],
      });
      expect([await left(), await left(premium)]).toEqual([
        [0n, dollar],
        [0n, 0n],
      ]);
    });

    test("that is refused states the shortage of the cheapest option", async () => {
      const reservation = await reserve("a", [
        optionOf(9n * dollar, [team], "large"),
        optionOf(6n * dollar, [team], "small"),
        optionOf(7n * dollar, [team], "middle"),
      ]);
      expect(reservation).toMatchObject({ shortage: { neededNanoUsd: 6n * dollar } });
    });

    test("is repeated for a redelivery, and is not counted twice", async () => {
      const options = [optionOf(dollar, [team], "large"), optionOf(1n)];
      const first = await reserve("a", options);
      expect(await reserve("a", options)).toEqual(first);
      expect(await left()).toEqual([0n, dollar]);
    });

    test("of a request that was refused is not granted to its redelivery", async () => {
      await reserve("big", [optionOf(6n * dollar)]);
      expect(await reserve("big", [optionOf(1n)])).toEqual({ kind: "ended" });
    });

    test("that a soft budget alone exceeds is granted and counted", async () => {
      const soft = windowOf({ budget: "soft", hard: false, limitNanoUsd: 1n });
      expect(await reserve("a", [optionOf(dollar, [soft])])).toMatchObject({ kind: "granted" });
      expect(await left(soft)).toEqual([0n, dollar]);
    });

    test("obeys the newest declaration of the limit, also if an older one asks", async () => {
      const lowered = windowOf({ limitNanoUsd: dollar, version: 2n });
      await reserve("first", [optionOf(1n)]);
      await reserve("a", [optionOf(1n, [lowered])]);
      expect(await reserve("b", [optionOf(dollar)])).toMatchObject({ kind: "refused" });
      const raised = windowOf({ limitNanoUsd: 9n * dollar, version: 3n });
      expect(await reserve("c", [optionOf(8n * dollar, [raised])])).toMatchObject({
        kind: "granted",
      });
    });

    test("is exact beyond 2^53 nano-dollars", async () => {
      const huge = windowOf({ budget: "huge", limitNanoUsd: 2n ** 62n });
      await reserve("a", [optionOf(2n ** 62n - 3n, [huge])]);
      expect(await reserve("b", [optionOf(4n, [huge])])).toMatchObject({
        shortage: { allowanceNanoUsd: 3n },
      });
      expect(await reserve("c", [optionOf(3n, [huge])])).toMatchObject({ kind: "granted" });
      expect(await left(huge)).toEqual([0n, 2n ** 62n]);
    });

    test("of one tenant does not count for another with a budget of the same name", async () => {
      await reserve("a", [optionOf(5n * dollar)]);
      tenant = `tenant-${randomUUID()}`;
      await restore();
      expect(await reserve("a", [optionOf(5n * dollar)])).toMatchObject({ kind: "granted" });
    });
  });

  describe("a settlement", () => {
    test("replaces what is reserved by what was charged", async () => {
      await reserve("a", [optionOf(dollar)]);
      await harness.budgets.settle([charge("a", 30n)]);
      expect(await left()).toEqual([30n, 0n]);
    });

    test("that is repeated changes nothing", async () => {
      await reserve("a", [optionOf(dollar)]);
      const settlement = charge("a", 30n);
      await harness.budgets.settle([settlement]);
      await harness.budgets.settle([{ ...settlement, isNew: false }]);
      expect(await left()).toEqual([30n, 0n]);
    });

    test("after another one of the attempt changes only what is spent, by a signed amount", async () => {
      await reserve("a", [optionOf(dollar)]);
      await reserve("b", [optionOf(dollar)]);
      await harness.budgets.settle([charge("a", dollar), charge("a", -dollar + 7n)]);
      expect(await left()).toEqual([7n, dollar]);
    });

    test("counts in each partition on its own", async () => {
      const first = charge("a", 1n, { partition: 0, sequence: 7n });
      await harness.budgets.settle([first, charge("b", 2n, { partition: 1, sequence: 7n })]);
      await harness.budgets.settle([charge("c", 4n, { partition: 0, sequence: 6n, isNew: false })]);
      expect(await left()).toEqual([3n, 0n]);
    });

    test("of a ledger that numbers again from an older state opens nothing until a rebuild", async () => {
      await harness.budgets.settle([charge("a", 1n, { sequence: 7n })]);
      const restored = charge("b", 2n, { sequence: 7n });
      await expect(harness.budgets.settle([restored])).rejects.toThrow("rebuilds");
      expect(await harness.budgets.states([tenant])).toEqual([{ kind: "lost" }]);
    });

    test("of an attempt whose reservation expired counts what was charged", async () => {
      await reserve("a", [optionOf(dollar)], Date.now() - 120_000);
      expect(await harness.budgets.expire(tenant)).toBe(1);
      await harness.budgets.settle([charge("a", 30n)]);
      expect(await left()).toEqual([30n, 0n]);
    });

    test("before the expiry of its reservation leaves nothing to expire", async () => {
      await reserve("a", [optionOf(dollar)], Date.now() - 120_000);
      await harness.budgets.settle([charge("a", 30n)]);
      expect(await harness.budgets.expire(tenant)).toBe(0);
      expect(await left()).toEqual([30n, 0n]);
    });

    test("may leave more spent than a limit that was lowered, and nothing is granted then", async () => {
      await reserve("a", [optionOf(2n * dollar)]);
      await harness.budgets.settle([charge("a", 2n * dollar)]);
      const lowered = windowOf({ limitNanoUsd: dollar, version: 2n });
      expect(await reserve("b", [optionOf(1n, [lowered])])).toMatchObject({
        shortage: { allowanceNanoUsd: -dollar },
      });
    });
  });

  describe("an attempt", () => {
    test("takes the reservation of the dispatcher", async () => {
      await reserve("a", [optionOf(dollar)]);
      expect(await claim("a", dollar)).toBeNull();
      expect(await left()).toEqual([0n, dollar]);
    });

    test("at another variant replaces the reservation by its own amount and windows", async () => {
      const other = windowOf({ budget: "other" });
      await reserve("a", [optionOf(4n * dollar)]);
      const option = optionOf(5n * dollar, [team, other], "large");
      expect(await claim("a", 0n, { option })).toBeNull();
      expect([await left(), await left(other)]).toEqual([
        [0n, 5n * dollar],
        [0n, 5n * dollar],
      ]);
    });

    test("that is refused keeps the reservation as it was", async () => {
      await reserve("a", [optionOf(dollar)]);
      const option = optionOf(6n * dollar, [team], "large");
      expect(await claim("a", 0n, { option })).not.toBeNull();
      expect(await left()).toEqual([0n, dollar]);
      expect(await claim("a", dollar)).toBeNull();
      expect(await left()).toEqual([0n, dollar]);
    });

    test("reserves what is missing: all of it for a further attempt or an unknown one", async () => {
      expect(await claim("a-2", 2n * dollar, { dispatchedId: "a-1" })).toBeNull();
      expect(await claim("b-2", 4n * dollar, { dispatchedId: "b-1" })).not.toBeNull();
      expect(await left()).toEqual([0n, 2n * dollar]);
    });

    test("takes the dispatcher's reservation under its own id, unless another attempt has claimed it", async () => {
      await reserve("a-1", [optionOf(2n * dollar)]);
      await claim("a-5", 2n * dollar, { dispatchedId: "a-1" });
      expect(await left()).toEqual([0n, 2n * dollar]);
      await claim("a-6", 2n * dollar, { dispatchedId: "a-5" });
      expect(await left()).toEqual([0n, 4n * dollar]);
    });

    test("that is claimed is not expired: every attempt ends by a charge", async () => {
      await reserve("a", [optionOf(dollar)], Date.now() - 120_000);
      await claim("a", dollar);
      await harness.releaseOpen(tenant, "a");
      expect(await harness.budgets.expire(tenant)).toBe(0);
      expect(await left()).toEqual([0n, dollar]);
    });
  });

  test("the end of a request without an attempt releases its reservation once", async () => {
    await reserve("a", [optionOf(dollar)]);
    await reserve("b", [optionOf(dollar)]);
    await harness.releaseOpen(tenant, "a");
    await harness.releaseOpen(tenant, "a");
    expect(await left()).toEqual([0n, dollar]);
    expect(await reserve("a", [optionOf(dollar)])).toEqual({ kind: "ended" });
  });

  describe("a store that has lost its data", () => {
    const isRebuilding = { code: "BUDGETS_REBUILDING" };

    test("grants, settles, claims, expires and shows nothing until it is rebuilt", async () => {
      await harness.lose(tenant);
      expect(await harness.budgets.states([tenant])).toEqual([{ kind: "lost" }]);
      await expect(reserve("a", [optionOf(1n)])).rejects.toMatchObject(isRebuilding);
      await expect(harness.budgets.settle([charge("a", 1n)])).rejects.toMatchObject(isRebuilding);
      await expect(harness.budgets.expire(tenant)).rejects.toMatchObject(isRebuilding);
      await expect(left()).rejects.toMatchObject(isRebuilding);
      await harness.budgets.begin(tenant);
      expect(await harness.budgets.states([tenant])).toMatchObject([{ kind: "rebuilding" }]);
      await expect(reserve("a", [optionOf(1n)])).rejects.toMatchObject(isRebuilding);
    });

    test("has after the rebuild what the ledger knows: what is spent, and what open attempts may cost", async () => {
      await harness.lose(tenant);
      const open = [{ attemptId: "open", amountNanoUsd: dollar, windows: [team] }];
      const spent = [{ window: team, spentNanoUsd: 2n * dollar }];
      await restore({ epoch: 1, spent, open, settled: new Map([[0, 9n]]) });
      expect(await left()).toEqual([2n * dollar, dollar]);
      await harness.budgets.settle([charge("known", dollar, { sequence: 9n, isNew: false })]);
      expect(await left()).toEqual([2n * dollar, dollar]);
      await harness.budgets.settle([charge("open", 5n, { sequence: 10n })]);
      expect(await left()).toEqual([2n * dollar + 5n, 0n]);
      expect(await reserve("x", [optionOf(3n * dollar)])).toMatchObject({ kind: "refused" });
    });

    test("is restored by the rebuild that began last", async () => {
      await harness.lose(tenant);
      const [first, second] = [
        await harness.budgets.begin(tenant),
        await harness.budgets.begin(tenant),
      ];
      const snapshot = { tenant, epoch: 1, settled: new Map(), spent: [], open: [] };
      expect(await harness.budgets.lastEpoch(tenant)).toBe(-1);
      expect(await harness.budgets.restore(first, snapshot)).toBe(false);
      expect(await harness.budgets.restore(second, snapshot)).toBe(true);
      expect(await harness.budgets.restore(second, snapshot)).toBe(false);
      expect(await harness.budgets.lastEpoch(tenant)).toBe(1);
    });
  });

  test("whatever happens in any order, each counter is what was charged and what is held", async () => {
    const step = fc.record({
      kind: fc.constantFrom("reserve", "claim", "settle", "again", "release", "expire"),
      attempt: fc.integer({ min: 0, max: 5 }),
      amount: fc.bigInt({ min: 0n, max: 3n * dollar }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        tenant = `tenant-${randomUUID()}`;
        sequence = 0n;
        await restore();
        let spent = 0n;
        let last: Settlement | undefined;
        for (const { kind, attempt, amount } of steps) {
          const id = `attempt-${attempt}`;
          const [, reservedBefore] = await left();
          if (kind === "reserve") await reserve(id, [optionOf(amount)]);
          if (kind === "claim") await claim(id, amount);
          if (kind === "release") await harness.releaseOpen(tenant, id);
          if (kind === "expire") await harness.budgets.expire(tenant);
          if (kind === "settle") {
            last = charge(id, amount);
            spent += amount;
            await harness.budgets.settle([last]);
          }
          if (kind === "again" && last) await harness.budgets.settle([{ ...last, isNew: false }]);
          const [spentNow, reservedNow] = await left();
          expect(spentNow).toBe(spent);
          expect(reservedNow! >= 0n).toBe(true);
          // A charge may exceed what was reserved in this test, but no reservation may then be granted.
          const isGranted = reservedNow! > reservedBefore!;
          expect(isGranted && spentNow! + reservedNow! > team.limitNanoUsd).toBe(false);
        }
        for (let attempt = 0; attempt <= 5; attempt += 1)
          await harness.budgets.settle([charge(`attempt-${attempt}`, 0n)]);
        expect(await left()).toEqual([spent, 0n]);
      }),
      { numRuns: 60 },
    );
  });
}
