import { windowIdOf } from "@sluice/budgets";
import type { BudgetWindow } from "@sluice/contracts";
import { chargeIdOf } from "@sluice/domain";
import { beforeEach, describe, expect, test } from "vitest";
import { intentOf, meteredOf, usageOf, windowOf } from "../../test/fixtures.ts";
import { foldInto } from "../../test/fold-into.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { BudgetHistory } from "./budget-history.ts";

export interface BudgetHistoryHarness {
  readonly ledger: Ledger;
  readonly history: BudgetHistory;
}

const demo = meteredOf().attribution;

/** Declares the tests that every history of budgets passes. `make` returns an empty one. */
export function budgetHistoryContract(
  name: string,
  make: () => Promise<BudgetHistoryHarness>,
): void {
  let ledger: Ledger;
  let history: BudgetHistory;
  beforeEach(async () => {
    ({ ledger, history } = await make());
  });

  const snapshot = (tenant = "demo") => history.snapshot(tenant);
  const spent = async (tenant = "demo") => {
    const { spent: sums } = await snapshot(tenant);
    return new Map(
      sums.map(({ window, spentNanoUsd }) => [windowIdOf(tenant, window), spentNanoUsd]),
    );
  };
  const idOf = (window: BudgetWindow) => windowIdOf("demo", window);
  const note = (...attemptIds: readonly string[]) =>
    ledger.noteIntents(
      attemptIds.map((attemptId) => ({
        partition: 0,
        intent: intentOf({ attemptId, windows: [windowOf()] }),
      })),
    );
  const open = async () => {
    const { open: reservations } = await snapshot();
    return reservations.map(({ attemptId }) => attemptId).toSorted();
  };

  describe(`a history of budgets (${name})`, () => {
    test("a charge keeps its windows, its run and its number", async () => {
      const windows = [windowOf(), windowOf({ budget: "run", scope: "run=r1", opensAt: null })];
      const metered = meteredOf({ windows, runId: "r1" });
      const place = {
        topic: "cost.metered",
        partition: 1,
        nextOffset: 9n,
        attemptIds: ["attempt"],
      };
      await foldInto(ledger, [meteredOf({ attemptId: "before" }), metered], 1, 1);
      const folded = await ledger.fold(place, (recorded) => {
        expect(recorded.get("attempt")).toMatchObject([{ windows, runId: "r1" }]);
        return { entries: [], metered: [], parked: [] };
      });
      expect(folded.numbers.get(chargeIdOf("attempt", "reported"))).toEqual({
        partition: 1,
        sequence: 2n,
      });
    });

    test("each partition counts its charges from 1, and repeats and dead letters count nothing", async () => {
      const unpriced = meteredOf({ attemptId: "x", variant: "unheard-of" });
      await foldInto(
        ledger,
        [meteredOf(), meteredOf(), unpriced, meteredOf({ attemptId: "b" })],
        2,
        0,
      );
      await foldInto(ledger, [meteredOf(), unpriced, meteredOf({ attemptId: "c" })], 1, 7);
      expect((await snapshot()).settled).toEqual(
        new Map([
          [0, 2n],
          [7, 1n],
        ]),
      );
    });

    test("the sum of a window is that of its charges, with estimates corrected and beyond 2^53", async () => {
      const user = windowOf({ budget: "user", scope: "user=ada" });
      const windows = [windowOf(), user];
      const estimate = { kind: "estimated" as const, usage: usageOf({ inputTokens: 900n }) };
      const huge = { usage: usageOf({ inputTokens: 90_000_000_000n }) };
      await foldInto(ledger, [
        meteredOf({ windows, ...estimate }),
        meteredOf({ attemptId: "b", windows: [windowOf()] }),
      ]);
      await foldInto(ledger, [meteredOf({ windows }), meteredOf({ windows })]);
      expect(await spent()).toEqual(
        new Map([
          [idOf(windowOf()), 280_000n],
          [idOf(user), 140_000n],
        ]),
      );
      const many = Array.from({ length: 103 }, (_, index) =>
        meteredOf({ attemptId: `h${index}`, windows: [user], ...huge }),
      );
      await foldInto(ledger, many);
      expect((await spent()).get(idOf(user))).toBe(140_000n + 103n * 90_000_000_000_000n);
    });

    test("a window counts whatever its limit is, and only for its tenant", async () => {
      const raised = windowOf({ limitNanoUsd: 9n, version: 2n, hard: false });
      const zeta = { ...demo, tenant: "zeta" };
      await foldInto(ledger, [
        meteredOf({ windows: [windowOf()] }),
        meteredOf({ attemptId: "b", windows: [raised] }),
        meteredOf({ attemptId: "c", windows: [raised], attribution: zeta }),
      ]);
      expect(await spent()).toEqual(new Map([[idOf(raised), 280_000n]]));
      expect([...(await spent("zeta")).values()]).toEqual([140_000n]);
    });

    test("an announced attempt reserves its worst case until it is charged", async () => {
      await note("a", "b");
      expect((await snapshot()).open).toContainEqual({
        attemptId: "a",
        amountNanoUsd: 1_650_000n,
        windows: [windowOf()],
      });
      await foldInto(ledger, [meteredOf({ attemptId: "a", windows: [windowOf()] })]);
      expect(await open()).toEqual(["b"]);
      await foldInto(ledger, [meteredOf({ attemptId: "b", kind: "estimated" })]);
      await note("a", "b");
      expect(await open()).toEqual([]);
      expect((await snapshot("zeta")).open).toEqual([]);
    });

    test("an attempt without windows reserves nothing", async () => {
      await ledger.noteIntents([{ partition: 0, intent: intentOf() }]);
      expect(await open()).toEqual([]);
    });

    test("a parked attempt stays reserved until its usage is charged, whenever it was announced", async () => {
      await note("before");
      const unpriced = ["before", "after"].map((attemptId) =>
        meteredOf({ attemptId, variant: "unheard-of" }),
      );
      await foldInto(ledger, unpriced);
      await note("after");
      expect(await open()).toEqual(["after", "before"]);
      expect(await ledger.overdue([0], intentOf().deadlineAt + 1, 10)).toEqual([]);
      expect(await open()).toEqual(["after", "before"]);
      await foldInto(
        ledger,
        ["before", "after"].map((attemptId) => meteredOf({ attemptId })),
      );
      expect(await open()).toEqual([]);
    });

    test("epochs count from 0, for each tenant on its own", async () => {
      const epochs = [];
      for (const tenant of ["demo", "demo", "zeta", "demo"])
        epochs.push(await history.raiseEpoch(tenant, -1));
      expect(epochs).toEqual([0, 1, 0, 2]);
      expect([...(await history.tenants())].toSorted()).toEqual(["demo", "zeta"]);
    });

    test("epochs continue after that of the store, if it is higher", async () => {
      const epochs = [];
      for (const last of [4, 4, 3, 9]) epochs.push(await history.raiseEpoch("demo", last));
      expect(epochs).toEqual([5, 6, 7, 10]);
    });
  });
}
