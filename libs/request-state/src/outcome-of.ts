import type {
  Completed,
  Decision,
  InferenceAdmitted,
  InferenceResponded,
  Lookup,
} from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";

/** The fields of every outcome, completed or not. */
export interface Ending {
  /** The number of provider calls for the request. */
  readonly attempts: number;
  /** null if no stage had looked the request up in the cache. */
  readonly lookup: Lookup | null;
  /** All decisions, including the last one. */
  readonly decisions: readonly Decision[];
  readonly completedAt: EpochMillis;
}

/** Returns the outcome of a request that has an answer. */
export function completedOutcome(
  admitted: InferenceAdmitted,
  ending: Ending & { readonly completed: Completed },
): InferenceResponded {
  return {
    ...common(admitted, ending),
    outcome: "completed",
    completed: ending.completed,
    refused: null,
  };
}

export interface Refusal extends Ending {
  readonly kind: "declined" | "failed";
  /** From the closed list in docs/reference/errors.md. */
  readonly code: string;
  /** A sentence for the client, with the remedy. */
  readonly reason: string;
  /** After how many milliseconds a new request may succeed; absent if that is not known. */
  readonly retryAfterMs?: number | undefined;
  /** The parameter at fault, as the provider names it; absent if that is not known. */
  readonly param?: string | undefined;
  /** The budget that refused the request, and when its period ends; absent for another reason. */
  readonly refusedBy?: { readonly budget: string; readonly resetsAt: number | null } | undefined;
}

/** Returns the outcome of a request that was declined or has failed. */
export function refusedOutcome(admitted: InferenceAdmitted, refusal: Refusal): InferenceResponded {
  return {
    ...common(admitted, refusal),
    outcome: refusal.kind,
    completed: null,
    refused: {
      code: refusal.code,
      reason: refusal.reason,
      retryAfterMs: refusal.retryAfterMs ?? null,
      param: refusal.param ?? null,
      budget: refusal.refusedBy?.budget ?? null,
      resetsAt: refusal.refusedBy?.resetsAt ?? null,
    },
  };
}

function common(
  admitted: InferenceAdmitted,
  ending: Ending,
): Omit<InferenceResponded, "outcome" | "completed" | "refused"> {
  const { request } = admitted;
  return {
    requestId: request.requestId,
    attribution: admitted.attribution,
    tags: request.tags,
    admittedAt: admitted.admittedAt,
    completedAt: ending.completedAt,
    attempts: ending.attempts,
    lookup: ending.lookup,
    sessionId: request.sessionId,
    runId: request.runId,
    stepId: request.stepId,
    correlationId: admitted.correlationId,
    remembered: admitted.remembered,
    deadlineAt: admitted.deadlineAt,
    decisions: ending.decisions,
  };
}
