import { randomUUID } from "node:crypto";
import type { NanoUsd, Window } from "@sluice/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { BudgetsHarness } from "./budgets.contract.ts";

const cent = 10_000_000n;
const seeds = 100;

/** One request that is reserved and, if it is granted and not held back, settled by what it cost. */
const request = fc.record({
  worstCents: fc.integer({ min: 1, max: 40 }),
  /** The part of the worst case that it costs, in percent. */
  costPercent: fc.integer({ min: 0, max: 100 }),
  isSettled: fc.boolean(),
  /** The budgets that select it: any of four. */
  selectedBy: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
});

/**
 * Four budgets of a few dollars are used up by requests of a few cents. Each decision must be that of plain arithmetic, to the
 * last nano-dollar: a request is granted if, and only if, all budgets that select it cover it.
 */
export function lastCentsContract(create: () => Promise<BudgetsHarness>): void {
  test("over four budgets, each of 100 seeds grants exactly what plain arithmetic allows, until the last cents", async () => {
    const { budgets } = await create();
    const limits = fc.array(fc.integer({ min: 50, max: 400 }), { minLength: 4, maxLength: 4 });
    const requests = fc.array(request, { minLength: 60, maxLength: 120 });
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(limits, requests, async (limitCents, list) => {
        const tenant = `tenant-${randomUUID()}`;
        const token = await budgets.begin(tenant);
        const empty = { settled: new Map<number, bigint>(), spent: [], open: [] };
        await budgets.restore(token, { tenant, epoch: 0, ...empty });
        const windows = limitCents.map((cents, index): Window => ({
          ...{ budget: `b${index}`, scope: "", opensAt: null, closesAt: null },
          ...{ limitNanoUsd: BigInt(cents) * cent - BigInt(index), hard: true, version: 0n },
        }));
        const used = windows.map(() => 0n);
        let sequence = 0n;
        for (const [index, { worstCents, costPercent, isSettled, selectedBy }] of list.entries()) {
          const worst = BigInt(worstCents) * cent + BigInt(index % 3);
          const attemptId = `attempt-${index}`;
          const own = selectedBy.map((position) => windows[position]!);
          const candidate = { variant: "small", worstCaseNanoUsd: worst };
          const options = [{ candidate, windows: own }];
          const asked = { tenant, attemptId, deadlineAt: Date.now() + 60_000, options };
          // oxlint-disable-next-line no-await-in-loop -- each decision depends on those before
          const [reservation] = await budgets.reserve([asked]);
          const isCovered = selectedBy.every(
            (position) => used[position]! + worst <= windows[position]!.limitNanoUsd,
          );
          expect(reservation?.kind).toBe(isCovered ? "granted" : "refused");
          if (!isCovered) {
            refusals += 1;
            continue;
          }
          const cost: NanoUsd = isSettled ? (worst * BigInt(costPercent)) / 100n : worst;
          for (const position of selectedBy) used[position]! += cost;
          if (!isSettled) continue;
          sequence += 1n;
          const number = { partition: 0, sequence, isNew: true };
          // oxlint-disable-next-line no-await-in-loop -- as above
          await budgets.settle([
            { tenant, attemptId, windows: own, amountNanoUsd: cost, ...number },
          ]);
        }
        const left = await budgets.read(tenant, windows);
        expect(
          left.map(({ spentNanoUsd, reservedNanoUsd }) => spentNanoUsd + reservedNanoUsd),
        ).toEqual(used);
      }),
      { numRuns: seeds },
    );
    // The budgets are used up in most seeds, so that the last cents are decided.
    expect(refusals).toBeGreaterThan(10 * seeds);
  });
}
