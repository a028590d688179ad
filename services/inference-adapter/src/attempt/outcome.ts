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

/** No call is paid twice without a word to the client. */
const afterLoss =
  "Redis has lost its data since, so that a further call may have been made and billed";

/** What a completed outcome needs to know of the attempt that was answered. */
export interface AnsweredAttempt {
  readonly dispatched: InferenceDispatched;
  readonly candidate: Candidate;
  /** Provider calls that were made for the request before this attempt. */
  readonly callsBefore: number;
  /** Whether further calls may have been made before Redis lost its data. */
  readonly isAfterLoss: boolean;
}

/** When a request ended, and the version of the declarations at that time. */
export interface EndedAt {
  readonly now: EpochMillis;
  readonly version: bigint;
}

/** Returns the outcome of an answered request. An answer too large for a message is cut and marked. */
export function completedOutcomeOf(
  { dispatched, candidate, callsBefore, isAfterLoss }: AnsweredAttempt,
  answer: Answer,
  { usage, attemptId, estimatedFigures }: CostMetered,
  { now, version }: EndedAt,
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
    decisions: decided(dispatched, variant, version, [
      `call ${calls} was answered`,
      ...(isAfterLoss ? [afterLoss] : []),
      ...missingAnswers(dispatched, answer),
      ...estimatedFigures.map((figure) => `${figure} is estimated`),
    ]),
    completedAt: now,
  });
}

/**
 * Returns the outcome of a request that ends without an answer.
 *
 * @param made the provider calls that were made for it
 */
export function refusedOutcomeOf(
  dispatched: InferenceDispatched,
  end: End,
  { calls, isAfterLoss }: { readonly calls: number; readonly isAfterLoss: boolean },
  { now, version }: EndedAt,
): InferenceResponded {
  return refusedOutcome(dispatched.admitted, {
    kind: end.outcome,
    code: end.code,
    reason: end.reason,
    retryAfterMs: end.retryAfterMs,
    param: end.param,
    refusedBy: end.refusedBy,
    attempts: calls,
    lookup: dispatched.lookup,
    decisions: decided(dispatched, end.code, version, [
      `provider calls made: ${calls}`,
      ...(isAfterLoss ? [afterLoss] : []),
    ]),
    completedAt: now,
  });
}

/** Returns a reason if the provider made fewer answers than `n`, which some providers ignore. */
function missingAnswers({ dispatch }: InferenceDispatched, { choices }: Answer): readonly string[] {
  if (choices.length === 0 || choices.length >= dispatch.answers) return [];
  return [`the provider returned ${choices.length} of ${dispatch.answers} answers`];
}

/**
 * Returns the cost that the client is shown before the ledger has charged the attempt. If a class of
 * tokens has no rate it is the worst case, so that a client is never shown too little.
 */
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
  version: bigint,
  reasons: readonly string[],
): readonly Decision[] {
  return [...decisions, { stage: "inference-adapter", decision, reasons, version }];
}
