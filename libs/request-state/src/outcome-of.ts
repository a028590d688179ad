import type {
  Completed,
  Decision,
  InferenceAdmitted,
  InferenceResponded,
  Lookup,
} from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";

/** What every outcome says besides how it ended. */
export interface Ending {
  /** Provider calls made for the request. */
  readonly attempts: number;
  /** null where nobody had asked the cache yet. */
  readonly lookup: Lookup | null;
  /** All that was decided, the last one included. */
  readonly decisions: readonly Decision[];
  readonly completedAt: EpochMillis;
}

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
  /** A sentence for the caller, with the remedy. */
  readonly reason: string;
}

export function refusedOutcome(admitted: InferenceAdmitted, refusal: Refusal): InferenceResponded {
  return {
    ...common(admitted, refusal),
    outcome: refusal.kind,
    completed: null,
    refused: { code: refusal.code, reason: refusal.reason },
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
