import type {
  Answer,
  Candidate,
  CostMetered,
  Decision,
  InferenceDispatched,
  InferenceResponded,
  Usage,
} from "@sluice/contracts";
import { type EpochMillis, PermanentFault, priceOf } from "@sluice/domain";
import { completedOutcome, refusedOutcome } from "@sluice/request-state";
import { answerBytesMax, cutToFit } from "./cut-answer.ts";
import type { End } from "../decide/next-step.ts";

/** An attempt as the outcome tells of it. */
export interface AnsweredAttempt {
  readonly dispatched: InferenceDispatched;
  readonly candidate: Candidate;
  readonly callsBefore: number;
}

export function completedOutcomeOf(
  { dispatched, candidate, callsBefore }: AnsweredAttempt,
  answer: Answer,
  { usage, attemptId, estimatedFigures }: CostMetered,
  now: EpochMillis,
): InferenceResponded {
  const { variant, provider, model, tier, rates } = candidate;
  const calls = callsBefore + 1;
  return completedOutcome(dispatched.admitted, {
    completed: {
      answer: cutToFit(answer, answerBytesMax),
      usage,
      variant,
      provider,
      model,
      tier,
      complexity: dispatched.classification.complexity,
      cache: dispatched.lookup.result,
      attemptId,
      costNanoUsd: provisionalCostOf(usage, candidate),
      rates,
    },
    attempts: calls,
    lookup: dispatched.lookup,
    decisions: decided(dispatched, variant, [
      `answered at call ${calls}`,
      ...estimatedFigures.map((figure) => `${figure} is estimated`),
    ]),
    completedAt: now,
  });
}

export function refusedOutcomeOf(
  dispatched: InferenceDispatched,
  end: End,
  attempts: number,
  now: EpochMillis,
): InferenceResponded {
  return refusedOutcome(dispatched.admitted, {
    kind: end.outcome,
    code: end.code,
    reason: end.reason,
    attempts,
    lookup: dispatched.lookup,
    decisions: decided(dispatched, end.code, [`after ${attempts} calls`]),
    completedAt: now,
  });
}

/** A class of tokens without a rate is told as the worst case: the caller is never told less than it may cost. */
function provisionalCostOf(usage: Usage, { rates, worstCaseNanoUsd }: Candidate): bigint {
  try {
    return priceOf(usage, rates);
  } catch (error) {
    if (error instanceof PermanentFault) return worstCaseNanoUsd;
    throw error;
  }
}

function decided(
  { decisions }: InferenceDispatched,
  decision: string,
  reasons: readonly string[],
): readonly Decision[] {
  return [...decisions, { stage: "inference-adapter", decision, reasons }];
}
