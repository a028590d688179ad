import type { CostCharged, InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { canonicalJson } from "@sluice/domain";
import type { ProviderBill } from "./provider-bill.ts";

/**
 * The breaches of an invariant (docs/invariants.md) in the records of the topics and the provider's
 * bill. Each breach names its request or attempt. An empty list means that the invariant holds.
 */
export type Breaches = readonly string[];

/** Checks I1 and I2: each admitted request has an outcome, and all outcomes of a request are equal. */
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

/** Checks I3: all published charges with the same charge id have the same amount. */
export function chargeBreaches(charges: readonly CostCharged[]): Breaches {
  const versions = Map.groupBy(charges, ({ chargeId }) => chargeId);
  return [...versions].flatMap(([id, same]) => {
    const amounts = new Set(same.map(({ amountNanoUsd }) => amountNanoUsd));
    return amounts.size === 1 ? [] : [`charge ${id} has the amounts ${[...amounts].join(", ")}`];
  });
}

/**
 * Checks I8: each charge of an admitted request has the attribution that ingress published, with its signature. A hit over
 * HTTP is not admitted, so its saving is not checked.
 */
export function attributionBreaches(
  admitted: readonly InferenceAdmitted[],
  charges: readonly CostCharged[],
): Breaches {
  const signed = new Map(
    admitted.map(({ attribution, request: { requestId } }) => [
      keyOf({ attribution, requestId }),
      canonicalJson(attribution),
    ]),
  );
  return charges.flatMap((charge) => {
    const expected = signed.get(keyOf(charge));
    const given = canonicalJson(charge.attribution);
    return expected === undefined || (expected === given && charge.attribution.signature !== "")
      ? []
      : [`charge ${charge.chargeId} has the attribution ${given}, and ingress signed ${expected}`];
  });
}

/**
 * Checks I3: reported charges equal the provider's bill for their attempts, each other billed attempt
 * has exactly one estimate, and no provider was called twice for one attempt.
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
        .map(
          ({ priceNanoUsd }) =>
            `attempt ${attemptId} is charged ${priceNanoUsd} and billed ${costNanoUsd}`,
        ),
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

/**
 * Checks the limits of single requests (I5): each has a charge, and all its charges together are at most its limit.
 *
 * @param limits the limits in nano-USD (`x-sluice-max-cost-usd`) by request id
 */
export function limitBreaches(
  limits: ReadonlyMap<string, bigint>,
  charges: readonly CostCharged[],
): Breaches {
  const byRequest = Map.groupBy(distinct(charges), ({ requestId }) => requestId);
  return [...limits].flatMap(([requestId, limitNanoUsd]) => {
    const own = byRequest.get(requestId);
    if (!own) return [`request ${requestId} has no charge`];
    const spent = spentNanoUsd(own);
    return spent <= limitNanoUsd
      ? []
      : [`request ${requestId} is charged ${spent} and limited to ${limitNanoUsd} nano-USD`];
  });
}

/** A request that the provider billed for more than one attempt. */
export interface RepeatedPayment {
  readonly requestId: string;
  readonly billedAttempts: number;
  /** The number of calls that the request's outcome reports; 0 without an outcome. */
  readonly reportedCalls: number;
}

/**
 * Returns the requests that were paid more than once. An attempt in doubt permits a further one, and
 * the outcome then reports both calls. A payment that the outcome does not report is a breach of I3.
 */
export function repeatedPayments(
  charges: readonly CostCharged[],
  responded: readonly InferenceResponded[],
  bill: ProviderBill,
): readonly RepeatedPayment[] {
  const calls = new Map(responded.map((outcome) => [keyOf(outcome), outcome.attempts]));
  const billed = distinct(charges).filter(
    ({ attemptId }) => (bill.attempts.get(attemptId)?.costNanoUsd ?? 0n) > 0n,
  );
  return [...Map.groupBy(billed, keyOf)].flatMap(([key, ofRequest]) => {
    const billedAttempts = new Set(ofRequest.map(({ attemptId }) => attemptId)).size;
    const { requestId } = ofRequest[0]!;
    const reportedCalls = calls.get(key) ?? 0;
    return billedAttempts > 1 ? [{ requestId, billedAttempts, reportedCalls }] : [];
  });
}

/** Returns whether an attempt has one reported charge, with or without an estimate before it, or one estimate. */
function isAccounted(reported: number, estimated: number): boolean {
  return reported <= 1 && estimated <= 1 && reported + estimated > 0;
}

/** Returns the spend: the sum of the signed amounts of distinct charges. */
export function spentNanoUsd(charges: readonly CostCharged[]): bigint {
  return distinct(charges).reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
}

/** Returns one charge per charge id, because the accountant publishes each charge at least once. */
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
