import { attemptIdOf, sleep } from "@sluice/domain";
import type { BudgetWindow, InferenceAdmitted } from "@sluice/contracts";
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { AttemptReservation } from "../ports.ts";
import { refOfAdmitted } from "../request-ref.ts";
import { admit, fenceOf, longLeaseMs, type OutcomeHarness } from "./contract-harness.fixture.ts";
import {
  admittedFixture,
  failedFixture,
  fixtureTenant,
  meteredFixture,
} from "./records.fixture.ts";

const limitNanoUsd = 10n;

/** What a budget reserves for the attempts and outcomes of requests. Each test has a budget of its own. */
export function reservationsContract(name: string, harnessOf: () => OutcomeHarness): void {
  const aWindow = (): BudgetWindow => ({
    ...{ budget: randomUUID(), scope: "", opensAt: null, closesAt: null },
    ...{ limitNanoUsd, hard: true, version: 0n },
  });
  const idOf = ({ attribution, request, admittedAt }: InferenceAdmitted, number: number) =>
    attemptIdOf(attribution.tenant, request.requestId, admittedAt, number);
  const needOf = (
    admitted: InferenceAdmitted,
    window: BudgetWindow,
    worstCaseNanoUsd = limitNanoUsd,
    number = 1,
  ): AttemptReservation => ({
    attemptId: idOf(admitted, number),
    dispatchedId: idOf(admitted, 1),
    ...{ variant: "small", worstCaseNanoUsd, windows: [window] },
  });
  const reserve = async (admitted: InferenceAdmitted, window: BudgetWindow) => {
    const { attemptId, variant, worstCaseNanoUsd, windows } = needOf(admitted, window);
    const options = [{ candidate: { variant, worstCaseNanoUsd }, windows }];
    const { deadlineAt } = admitted;
    await harnessOf().budgets.reserve([{ tenant: fixtureTenant, attemptId, deadlineAt, options }]);
  };
  const reservedIn = async (window: BudgetWindow) => {
    const [allowance] = await harnessOf().budgets.read(fixtureTenant, [window]);
    return allowance?.reservedNanoUsd;
  };

  describe(`reservations of attempts ${name}`, () => {
    test("the first attempt takes what the dispatcher reserved", async () => {
      const [admitted, window] = [admittedFixture(), aWindow()];
      const ref = await admit(harnessOf(), admitted);
      await reserve(admitted, window);
      const { attempts } = harnessOf();
      const begun = await attempts.begin(ref, "owner-a", longLeaseMs, needOf(admitted, window));
      expect(begun).toMatchObject({ kind: "held" });
      expect(await reservedIn(window)).toBe(limitNanoUsd);
    });

    test("an attempt that no budget covers is refused and not claimed", async () => {
      const [admitted, other, window] = [admittedFixture(), admittedFixture(), aWindow()];
      await reserve(other, window);
      const ref = await admit(harnessOf(), admitted);
      const { attempts } = harnessOf();
      const need = needOf(admitted, window, 1n);
      const refused = {
        kind: "refused",
        shortage: { window, neededNanoUsd: 1n, allowanceNanoUsd: 0n },
      };
      expect(await attempts.begin(ref, "owner-a", longLeaseMs, need)).toEqual(refused);
      expect(await attempts.claim(ref, 1, "owner-a", longLeaseMs, need)).toEqual(refused);
      expect((await attempts.history(ref)).attempts).toEqual([]);
      expect(await attempts.begin(ref, "owner-a", longLeaseMs, null)).toMatchObject({
        kind: "held",
      });
    });

    test("a further attempt reserves its own amount while the first one may be billed", async () => {
      const [admitted, window] = [admittedFixture(), aWindow()];
      const ref = await admit(harnessOf(), admitted);
      const { attempts } = harnessOf();
      const need = needOf(admitted, window, 6n);
      const fence = fenceOf(await attempts.begin(ref, "owner-a", longLeaseMs, need));
      await attempts.calling(ref, 1, fence, longLeaseMs);
      await attempts.fail(ref, 1, fence, { reason: "timed out", metered: null });
      const second = needOf(admitted, window, 6n, 2);
      expect(await attempts.claim(ref, 2, "owner-a", longLeaseMs, second)).toMatchObject({
        kind: "refused",
        shortage: { allowanceNanoUsd: 4n },
      });
      const smaller = needOf(admitted, window, 4n, 2);
      expect(await attempts.claim(ref, 2, "owner-a", longLeaseMs, smaller)).toMatchObject({
        kind: "held",
      });
      expect(await reservedIn(window)).toBe(10n);
    });

    test("an attempt that cost nothing leaves its amount to the next one", async () => {
      const [admitted, window] = [admittedFixture(), aWindow()];
      const ref = await admit(harnessOf(), admitted);
      const { attempts } = harnessOf();
      for (const number of [1, 2]) {
        const need = needOf(admitted, window, limitNanoUsd, number);
        const claim = await attempts.claim(ref, number, "owner-a", longLeaseMs, need);
        const fence = fenceOf(claim);
        const metered = { ...meteredFixture(admitted, number), reason: "refused" };
        await attempts.calling(ref, number, fence, longLeaseMs);
        await attempts.fail(ref, number, fence, { reason: "429", metered });
        expect(await reservedIn(window)).toBe(0n);
      }
      const third = needOf(admitted, window, limitNanoUsd, 3);
      const fence = fenceOf(await attempts.claim(ref, 3, "owner-a", longLeaseMs, third));
      const metered = { ...meteredFixture(admitted, 3), reason: "released" };
      await attempts.release(ref, 3, fence, metered);
      expect(await reservedIn(window)).toBe(0n);
    });

    test("the usage of an attempt that may be billed keeps its amount until it is charged", async () => {
      const [admitted, window] = [admittedFixture(), aWindow()];
      const ref = await admit(harnessOf(), admitted);
      const { attempts } = harnessOf();
      const need = needOf(admitted, window);
      const fence = fenceOf(await attempts.begin(ref, "owner-a", longLeaseMs, need));
      await attempts.calling(ref, 1, fence, longLeaseMs);
      const metered = meteredFixture(admitted, 1);
      await attempts.fail(ref, 1, fence, { reason: "empty", metered });
      expect(await reservedIn(window)).toBe(limitNanoUsd);
    });

    test("a request that ends without an attempt gives back what the dispatcher reserved", async () => {
      const [admitted, window] = [admittedFixture(), aWindow()];
      await admit(harnessOf(), admitted);
      await reserve(admitted, window);
      await harnessOf().outcomes.claim([failedFixture(admitted)], "decision");
      expect(await reservedIn(window)).toBe(0n);
    });

    test("a request that ends while an attempt may be billed keeps its amount", async () => {
      const [admitted, window] = [admittedFixture(), aWindow()];
      const ref = await admit(harnessOf(), admitted);
      await reserve(admitted, window);
      const { attempts, outcomes } = harnessOf();
      await attempts.begin(ref, "owner-a", longLeaseMs, needOf(admitted, window));
      await outcomes.claim([failedFixture(admitted)], "abandoned");
      expect(await reservedIn(window)).toBe(limitNanoUsd);
    });
  });

  describe(`a store that lost its data ${name}`, () => {
    const lostTenant = `lost-${randomUUID()}`;
    const restore = async (epoch: number) => {
      const { budgets } = harnessOf();
      const token = await budgets.begin(lostTenant);
      const snapshot = { settled: new Map<number, bigint>(), spent: [], open: [] };
      await budgets.restore(token, { tenant: lostTenant, epoch, ...snapshot });
    };
    const admittedAt = (at: number): InferenceAdmitted => {
      const admitted = admittedFixture({ admittedAt: at });
      return { ...admitted, attribution: { ...admitted.attribution, tenant: lostTenant } };
    };
    const isRebuilding = { code: "BUDGETS_REBUILDING" };

    test("begins no attempt until it is rebuilt", async () => {
      const { attempts, budgets } = harnessOf();
      await budgets.begin(lostTenant);
      const ref = refOfAdmitted(admittedAt(Date.now()));
      await expect(attempts.begin(ref, "a", longLeaseMs, null)).rejects.toMatchObject(isRebuilding);
      await expect(attempts.claim(ref, 1, "a", longLeaseMs, null)).rejects.toMatchObject(
        isRebuilding,
      );
    });

    test("numbers the attempts of an earlier request as none can be numbered that was made before", async () => {
      await restore(2);
      const { attempts } = harnessOf();
      const ref = refOfAdmitted(admittedAt(Date.now() - 60_000));
      expect(await attempts.begin(ref, "a", longLeaseMs, null)).toBeNull();
      expect(await attempts.history(ref)).toMatchObject({ attempts: [], attemptsBefore: 8 });
      expect(await attempts.claim(ref, 1, "a", longLeaseMs, null)).toEqual({ kind: "not-next" });
      const fence = fenceOf(await attempts.claim(ref, 9, "a", longLeaseMs, null));
      await attempts.calling(ref, 9, fence, longLeaseMs);
      await attempts.fail(ref, 9, fence, { reason: "429", metered: null });
      expect(await attempts.claim(ref, 11, "a", longLeaseMs, null)).toEqual({ kind: "not-next" });
      fenceOf(await attempts.claim(ref, 10, "a", longLeaseMs, null));
      expect(await attempts.claim(ref, 13, "a", longLeaseMs, null)).toEqual({ kind: "not-next" });
      expect(await attempts.history(ref)).toMatchObject({
        attempts: [{ number: 9 }, { number: 10 }],
        attemptsBefore: 8,
      });
    });

    test("begins no call that was claimed before a rebuild, until it is claimed again", async () => {
      await restore(4);
      const { attempts, budgets } = harnessOf();
      const ref = refOfAdmitted(admittedAt(Date.now() + 60_000));
      const fence = fenceOf(await attempts.begin(ref, "a", longLeaseMs, null));
      await budgets.begin(lostTenant);
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(false);
      await restore(5);
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(false);
      const again = fenceOf(await attempts.claim(ref, 1, "a", longLeaseMs, null));
      expect(await attempts.calling(ref, 1, again, longLeaseMs)).toBe(true);
    });

    test("has lost an attempt of which it has no trace, and no attempt that runs or has ended", async () => {
      const { attempts, outcomes } = harnessOf();
      const admitted = admittedFixture();
      const ref = await admit(harnessOf(), admitted);
      expect(await attempts.hasLost(ref, 1)).toBe(true);
      fenceOf(await attempts.begin(ref, "a", longLeaseMs, null));
      expect(await attempts.hasLost(ref, 1)).toBe(false);
      expect(await attempts.hasLost(ref, 2)).toBe(true);
      await outcomes.claim([failedFixture(admitted)], "abandoned");
      expect(await attempts.hasLost(ref, 2)).toBe(false);
    });

    test("numbers the attempts of a later request from one", async () => {
      await restore(2);
      const { attempts } = harnessOf();
      const ref = refOfAdmitted(admittedAt(Date.now() + 60_000));
      expect(await attempts.begin(ref, "a", longLeaseMs, null)).toMatchObject({ kind: "held" });
      expect(await attempts.history(ref)).toMatchObject({ attemptsBefore: 0 });
    });

    test("keeps the numbers of a request whose record survived a rebuild", async () => {
      await restore(2);
      const { attempts } = harnessOf();
      const ref = refOfAdmitted(admittedAt(Date.now() + 50));
      fenceOf(await attempts.begin(ref, "a", longLeaseMs, null));
      await sleep(100);
      await restore(3);
      expect(await attempts.history(ref)).toMatchObject({
        attempts: [{ number: 1, phase: "held" }],
        attemptsBefore: 0,
      });
      expect(await attempts.claim(ref, 1, "b", longLeaseMs, null)).toMatchObject({ kind: "busy" });
      expect(await attempts.claim(ref, 13, "b", longLeaseMs, null)).toEqual({ kind: "not-next" });
      const fence = fenceOf(await attempts.claim(ref, 1, "a", longLeaseMs, null));
      expect(await attempts.calling(ref, 1, fence, longLeaseMs)).toBe(true);
    });

    test("keeps the numbers of a request that was attempted since, also after a further loss of others", async () => {
      await restore(2);
      const { attempts } = harnessOf();
      const ref = refOfAdmitted(admittedAt(Date.now() - 60_000));
      await attempts.claim(ref, 9, "a", longLeaseMs, null);
      await restore(3);
      expect(await attempts.history(ref)).toMatchObject({
        attempts: [{ number: 9 }],
        attemptsBefore: 8,
      });
    });
  });
}
