import { randomUUID } from "node:crypto";
import type { NanoUsd, Window } from "@sluice/domain";
import { beforeEach, describe, expect, test } from "vitest";
import type { BoundedCandidate, ReservationOption } from "../budgets.ts";
import type { BudgetsHarness } from "./budgets.contract.ts";

const windowOf = (changed: Partial<Window> = {}): Window => ({
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 5n, hard: true, version: 1n },
  ...changed,
});
const team = windowOf();
const optionOf = (
  worstCaseNanoUsd: NanoUsd,
  windows: readonly Window[] = [team],
  variant = "small",
): ReservationOption<BoundedCandidate> => ({ candidate: { variant, worstCaseNanoUsd }, windows });

/** What happens if prices, budgets or the day change between two deliveries, or between a reservation and its attempt. */
export function describeChangedNeeds(create: () => Promise<BudgetsHarness>): void {
  let harness: BudgetsHarness;
  let tenant: string;

  beforeEach(async () => {
    harness ??= await create();
    tenant = `tenant-${randomUUID()}`;
    const token = await harness.budgets.begin(tenant);
    const empty = { settled: new Map<number, bigint>(), spent: [], open: [] };
    await harness.budgets.restore(token, { tenant, epoch: 0, ...empty });
  });

  const reserve = async (
    attemptId: string,
    ...options: readonly ReservationOption<BoundedCandidate>[]
  ) => {
    const deadlineAt = Date.now() + 60_000;
    const requests = [{ tenant, attemptId, deadlineAt, options }];
    return (await harness.budgets.reserve(requests))[0]!;
  };
  const claim = (attemptId: string, option: ReservationOption<BoundedCandidate>) =>
    harness.claim({ tenant, attemptId, dispatchedId: attemptId, option });
  const reservedIn = async (...windows: readonly Window[]) =>
    (await harness.budgets.read(tenant, windows)).map(({ reservedNanoUsd }) => reservedNanoUsd);

  describe("a redelivery", () => {
    test("finds that an attempt has claimed the reservation, and decides nothing again", async () => {
      const large = optionOf(2n, [team], "large");
      await reserve("a", optionOf(1n), large);
      await claim("a", large);
      expect(await reserve("a", optionOf(1n), large)).toEqual({ kind: "ended" });
      expect(await reservedIn(team)).toEqual([2n]);
    });

    test("that asks for something else replaces the reservation", async () => {
      const added = windowOf({ budget: "added", limitNanoUsd: 1n });
      await reserve("a", optionOf(9n, [team], "large"), optionOf(2n));
      const tiny = optionOf(1n, [team, added], "tiny");
      const granted = { kind: "granted", candidates: [tiny.candidate] };
      expect(await reserve("a", tiny)).toEqual(granted);
      expect(await reserve("a", tiny)).toEqual(granted);
      expect(await reservedIn(team, added)).toEqual([1n, 1n]);
    });

    test("that asks for too much gives back what was reserved", async () => {
      await reserve("a", optionOf(2n));
      expect(await reserve("a", optionOf(6n))).toMatchObject({
        kind: "refused",
        shortage: { allowanceNanoUsd: 5n },
      });
      expect(await reservedIn(team)).toEqual([0n]);
    });
  });

  describe("an attempt", () => {
    test("in other windows than those of the reservation needs their allowance", async () => {
      const nextDay = windowOf({ opensAt: 1, limitNanoUsd: 1n });
      await reserve("full", optionOf(1n, [nextDay]));
      await reserve("a", optionOf(1n));
      expect(await claim("a", optionOf(1n, [nextDay]))).not.toBeNull();
      expect(await reservedIn(team, nextDay)).toEqual([1n, 1n]);
    });

    test("in no window holds nothing, and leaves nothing behind that only a charge would end", async () => {
      const local = optionOf(1n, [], "local");
      await reserve("a", local, optionOf(1n));
      expect(await claim("a", local)).toBeNull();
      expect(await claim("a", local)).toBeNull();
      expect(await reservedIn(team)).toEqual([0n]);
      expect(await reserve("a", local)).toEqual({ kind: "ended" });
    });
  });
}
