import type {
  BudgetWindow,
  Candidate,
  CostMetered,
  Dispatch,
  InferenceAttempted,
  InferenceDispatched,
  Usage,
} from "@sluice/contracts";
import { attemptIdOf, type EpochMillis, noUsage } from "@sluice/domain";

/**
 * Returns the intent of an attempt, which is published before the call. It holds what the
 * accountant's sweep needs to estimate the attempt if its usage is never metered, and no prompt.
 */
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
    windows: windowsOf(candidate, dispatch),
    worstCaseNanoUsd: candidate.worstCaseNanoUsd,
    runId: request.runId,
  };
}

/** Returns the budgets in which an attempt at the candidate counts. */
export function windowsOf(candidate: Candidate, { windows }: Dispatch): readonly BudgetWindow[] {
  return candidate.windows.flatMap((position) => windows[position] ?? []);
}

/** The usage of one attempt, and how it became known. */
export interface MeasuredUsage {
  readonly calledAt: EpochMillis;
  readonly meteredAt: EpochMillis;
  readonly usage: Usage;
  /** The fields of `usage` that were estimated; empty if the provider reported all of them. */
  readonly estimatedFigures: readonly string[];
  /** JSON of the provider's own usage object; null if it reported none. */
  readonly raw: string | null;
  readonly reason: "answered" | "cut" | "refused" | "released";
}

/** Returns the metering that closes an intent. It is estimated if any figure is. */
export function meteringOf(
  {
    attemptedAt: _attemptedAt,
    deadlineAt: _deadlineAt,
    inputTokens: _inputTokens,
    outputLimit: _outputLimit,
    answers: _answers,
    worstCaseNanoUsd: _worstCaseNanoUsd,
    ...attempt
  }: InferenceAttempted,
  measured: MeasuredUsage,
): CostMetered {
  const kind = measured.estimatedFigures.length > 0 ? "estimated" : "reported";
  return { ...attempt, kind, ...measured };
}

/**
 * Returns the metering of an attempt that the provider does not bill: it refused, or was never
 * called.
 */
export function zeroMeteringOf(
  intent: InferenceAttempted,
  reason: "refused" | "released",
  calledAt: EpochMillis,
  now: EpochMillis,
): CostMetered {
  return meteringOf(intent, {
    calledAt,
    meteredAt: now,
    usage: noUsage,
    estimatedFigures: [],
    raw: null,
    reason,
  });
}
