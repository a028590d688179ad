import type {
  CostMetered,
  Decision,
  InferenceAdmitted,
  InferenceResponded,
  Lookup,
} from "@sluice/contracts";
import { assert, attemptIdOf, type EpochMillis, hitAttemptNumber } from "@sluice/domain";
import { completedOutcome } from "@sluice/request-state";
import type { CacheEntry } from "./exact-cache.ts";

/** The codes of this package's faults. Outages have the code `REDIS_UNAVAILABLE` of `@sluice/redis`. */
export type CacheFaultCode = "CACHE_SAVING_WITHOUT_ANSWER";

/**
 * Returns the outcome of an exact hit.
 *
 * @param lookup the result of `lookUp`, which is exact
 * @param stage name of the stage that found the hit
 */
export function hitOutcome(
  admitted: InferenceAdmitted,
  lookup: Lookup,
  entry: CacheEntry,
  stage: string,
  now: EpochMillis,
): InferenceResponded {
  const decision: Decision = {
    stage,
    decision: `${lookup.result}-hit`,
    reasons: [`answered by ${entry.completed.variant} for request ${entry.requestId}`],
    version: 0n,
  };
  return completedOutcome(admitted, {
    completed: { ...entry.completed, cache: lookup.result, attemptId: null, costNanoUsd: 0n },
    attempts: 0,
    lookup,
    decisions: [...admitted.decisions, decision],
    completedAt: now,
  });
}

/**
 * Returns the usage that a hit avoided, which the accountant prices. It is made from the stored
 * outcome, so it is the same record each time it is published.
 *
 * @param hit the completed outcome that `Outcomes.claim` returned for a won hit
 */
export function savingOf(admitted: InferenceAdmitted, hit: InferenceResponded): CostMetered {
  const { completed, requestId, attribution, tags, admittedAt, completedAt } = hit;
  assert(
    completed,
    "CACHE_SAVING_WITHOUT_ANSWER",
    "An outcome without an answer saves nothing, so it has no saving.",
  );
  const { variant, provider, model, tier, complexity, cache, usage } = completed;
  return {
    requestId,
    attemptId: attemptIdOf(attribution.tenant, requestId, admittedAt, hitAttemptNumber),
    attemptNumber: hitAttemptNumber,
    kind: "saving",
    attribution,
    tags,
    variant,
    provider,
    model,
    tier,
    complexity,
    lane: admitted.request.requirements.lane === "batch" ? "batch" : "realtime",
    cache,
    calledAt: completedAt,
    meteredAt: completedAt,
    usage,
    estimatedFigures: [],
    raw: null,
    reason: "hit",
    windows: [],
    runId: hit.runId,
  };
}
