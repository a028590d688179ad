import type {
  Candidate,
  CostMetered,
  InferenceAttempted,
  InferenceDispatched,
  Usage,
} from "@sluice/contracts";
import { attemptIdOf, type EpochMillis, noUsage } from "@sluice/domain";

/** The intent to call: what an estimate needs if nobody hears of the call again. No prompt. */
export function intentOf(
  { admitted, lookup, classification, dispatch }: InferenceDispatched,
  attemptNumber: number,
  candidate: Candidate,
  now: EpochMillis,
): InferenceAttempted {
  const { request, attribution, admittedAt, deadlineAt } = admitted;
  const { tenant } = attribution;
  return {
    requestId: request.requestId,
    attemptId: attemptIdOf(tenant, request.requestId, admittedAt, attemptNumber),
    attemptNumber,
    attribution,
    tags: request.tags,
    attemptedAt: now,
    deadlineAt,
    variant: candidate.variant,
    provider: candidate.provider,
    model: candidate.model,
    tier: candidate.tier,
    complexity: classification.complexity,
    lane: dispatch.lane,
    cache: lookup.result,
    inputTokens: dispatch.inputTokens,
    outputLimit: candidate.outputLimit,
    answers: dispatch.answers,
  };
}

export interface Reading {
  readonly calledAt: EpochMillis;
  readonly meteredAt: EpochMillis;
  readonly usage: Usage;
  readonly estimatedFigures: readonly string[];
  readonly raw: string | null;
  readonly reason: "answered" | "cut" | "refused" | "released";
}

/** What closes an intent. */
export function meteredOf(intent: InferenceAttempted, reading: Reading): CostMetered {
  return {
    requestId: intent.requestId,
    attemptId: intent.attemptId,
    attemptNumber: intent.attemptNumber,
    attribution: intent.attribution,
    tags: intent.tags,
    variant: intent.variant,
    provider: intent.provider,
    model: intent.model,
    tier: intent.tier,
    complexity: intent.complexity,
    lane: intent.lane,
    cache: intent.cache,
    kind: reading.estimatedFigures.length > 0 ? "estimated" : "reported",
    ...reading,
  };
}

/** The provider bills nothing: it refused, or was never called. */
export function meteredZero(
  intent: InferenceAttempted,
  reason: "refused" | "released",
  calledAt: EpochMillis,
  now: EpochMillis,
): CostMetered {
  return meteredOf(intent, {
    calledAt,
    meteredAt: now,
    usage: noUsage,
    estimatedFigures: [],
    raw: null,
    reason,
  });
}
