import type { Settlement } from "@sluice/budgets";
import type { CostCharged } from "@sluice/contracts";
import type { Verdict } from "../charge/charge.ts";
import type { ChargeNumber } from "../ledger/ledger-entry.ts";

/**
 * Returns the settlements of a slice, each partition in the order of its numbers. If a metering is repeated within the
 * slice, its charge comes first as new and then as known, because the order is stable: a new charge with a number that is
 * settled would look like a ledger that was restored. A saving moves no money, a charge without
 * windows is in no budget, and a charge without a number is from before budgets. Pure.
 *
 * @param numbers the number of each charge, by charge id
 */
export function settlementsOf(
  verdicts: readonly Verdict[],
  numbers: ReadonlyMap<string, ChargeNumber>,
): readonly Settlement[] {
  return verdicts
    .flatMap((verdict): readonly Settlement[] => {
      const charge = chargeIn(verdict);
      const number = charge && numbers.get(charge.chargeId);
      if (!charge || charge.kind === "saving" || !number || charge.windows.length === 0) return [];
      return [
        {
          tenant: charge.attribution.tenant,
          attemptId: charge.attemptId,
          windows: charge.windows,
          amountNanoUsd: charge.amountNanoUsd,
          isNew: verdict.kind === "charge",
          ...number,
        },
      ];
    })
    .toSorted((a, b) => a.partition - b.partition || Number(a.sequence - b.sequence));
}

function chargeIn(verdict: Verdict): CostCharged | undefined {
  if (verdict.kind === "charge") return verdict.entry.charge;
  return verdict.kind === "recorded" ? verdict.charge : undefined;
}
