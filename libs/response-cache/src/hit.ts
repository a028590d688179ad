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

/** Every code this package throws; outages carry `REDIS_UNAVAILABLE` of `@sluice/redis`. */
export type CacheFaultCode = "CACHE_SAVING_WITHOUT_ANSWER";

/** The outcome of an exact hit. @param lookup of `lookUp`, whose result is exact. @param stage who decided it. */
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
 * What a hit avoided, made from the outcome that stands: whoever publishes it,
 * and however often, it is the same record. The accountant prices it.
 *
 * @param hit a completed outcome that `Outcomes.claim` by hit has won.
 */
export function savingOf(admitted: InferenceAdmitted, hit: InferenceResponded): CostMetered {
  const { completed, requestId, attribution, tags, admittedAt, completedAt } = hit;
  assert(completed, "CACHE_SAVING_WITHOUT_ANSWER", "Only an answer saves anything.");
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
  };
}
