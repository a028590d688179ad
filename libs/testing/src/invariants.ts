import type { CostCharged, InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { canonicalJson } from "@sluice/domain";
import type { ProviderBill } from "./provider-bill.ts";

/**
 * The design's invariants as functions from what stands on topics and on the
 * provider's bill to a list of breaches. Empty is good; a breach names the
 * request or the attempt.
 */
export type Breaches = readonly string[];

/** I1, I2: every admitted request has an outcome, and all outcomes of a request are equal. */
export function outcomeBreaches(
  admitted: readonly InferenceAdmitted[],
  responded: readonly InferenceResponded[],
): Breaches {
  const outcomes = Map.groupBy(responded, keyOf);
  return [...new Set(admitted.map((each) => keyOf({ ...each, ...each.request })))].flatMap(
    (key) => {
      const different = new Set(outcomes.get(key)?.map(canonicalJson));
      return different.size === 1 ? [] : [`${key}: ${different.size} different outcomes`];
    },
  );
}

/** I3: a charge id stands for one charge, however often it is published. */
export function chargeBreaches(charges: readonly CostCharged[]): Breaches {
  const versions = Map.groupBy(charges, ({ chargeId }) => chargeId);
  return [...versions].flatMap(([id, same]) => {
    const amounts = new Set(same.map(({ amountNanoUsd }) => amountNanoUsd));
    return amounts.size === 1 ? [] : [`charge ${id} has the amounts ${[...amounts].join(", ")}`];
  });
}

/**
 * I3: reported charges equal the provider's bill for their attempts; every other
 * billed attempt has exactly one estimate; nobody was called twice for one attempt.
 */
export function billBreaches(charges: readonly CostCharged[], bill: ProviderBill): Breaches {
  const byAttempt = Map.groupBy(distinct(charges), ({ attemptId }) => attemptId);
  const onBill = [...bill.attempts.values()].flatMap((attempt) => {
    const { attemptId, calls, costNanoUsd, reason } = attempt;
    const own = byAttempt.get(attemptId) ?? [];
    const reported = own.filter(({ kind }) => kind === "reported");
    const estimated = own.filter(({ kind }) => kind === "estimated");
    return [
      ...(calls > 1 ? [`attempt ${attemptId} was called ${calls} times`] : []),
      ...reported
        .filter(({ priceNanoUsd }) => priceNanoUsd !== costNanoUsd)
        .map(({ priceNanoUsd }) => `attempt ${attemptId}: ${priceNanoUsd}, billed ${costNanoUsd}`),
      ...(costNanoUsd > 0n && !isAccounted(reported.length, estimated.length)
        ? [
            `attempt ${attemptId} (${reason}) was billed ${costNanoUsd} and has ` +
              `${reported.length} reported and ${estimated.length} estimated charges`,
          ]
        : []),
    ];
  });
  const unbilled = distinct(charges).filter(
    ({ kind, attemptId, priceNanoUsd }) =>
      kind === "reported" && priceNanoUsd > 0n && !bill.attempts.has(attemptId),
  );
  return [...onBill, ...unbilled.map(({ attemptId }) => `attempt ${attemptId} is on no bill`)];
}

/** Reported once, perhaps after an estimate that it closed; or estimated once. */
function isAccounted(reported: number, estimated: number): boolean {
  return reported <= 1 && estimated <= 1 && reported + estimated > 0;
}

/** Sum of the signed amounts of distinct charges: what the ledger says was spent. */
export function spentNanoUsd(charges: readonly CostCharged[]): bigint {
  return distinct(charges).reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
}

/** One per charge id: publication is at-least-once. */
export function distinct(charges: readonly CostCharged[]): readonly CostCharged[] {
  return [...new Map(charges.map((charge) => [charge.chargeId, charge])).values()];
}

function keyOf({
  attribution,
  requestId,
}: {
  readonly attribution: { readonly tenant: string };
  readonly requestId: string;
}): string {
  return `${attribution.tenant}/${requestId}`;
}
