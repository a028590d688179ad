import type { Shortage } from "@sluice/budgets";
import type { Candidate, InferenceDispatched } from "@sluice/contracts";
import { attemptIdOf } from "@sluice/domain";
import type { AttemptClaim, AttemptReservation } from "@sluice/request-state";
import { defer, type Deferral } from "@sluice/stage";
import { windowsOf } from "./metering.ts";

/** The record has changed, or is not this process's to change: it has to be read again. */
export interface Recorded {
  readonly kind: "recorded";
}

export const recorded: Recorded = { kind: "recorded" };

/** A budget does not cover the attempt, so nothing was claimed. */
export interface BudgetRefused {
  readonly kind: "budget-refused";
  readonly shortage: Shortage;
}

/** Whether this process may make an attempt. */
export type Claimed =
  | { readonly kind: "claimed"; readonly fence: number }
  | Deferral
  | Recorded
  | BudgetRefused;

export function claimedOf(claim: AttemptClaim): Claimed {
  switch (claim.kind) {
    case "held":
      return { kind: "claimed", fence: claim.fence };
    case "busy":
      return defer(claim.leaseLeftMs, "another adapter holds the lease of the attempt");
    case "refused":
      return { kind: "budget-refused", shortage: claim.shortage };
    case "ended":
    case "in-doubt":
    case "not-next":
    case "outcome-set":
      return recorded;
    default:
      return claim satisfies never;
  }
}

/** The attempt that a claim is for. */
interface AttemptToClaim {
  readonly dispatched: InferenceDispatched;
  readonly candidate: Candidate;
  readonly number: number;
}

/** Returns what the attempt needs from the budgets; null if none selects an attempt of the request. */
export function reservationFor({
  dispatched,
  candidate,
  number,
}: AttemptToClaim): AttemptReservation | null {
  const { admitted, dispatch } = dispatched;
  if (dispatch.windows.length === 0) return null;
  const { attribution, request, admittedAt } = admitted;
  const idOf = (attempt: number) =>
    attemptIdOf(attribution.tenant, request.requestId, admittedAt, attempt);
  return {
    attemptId: idOf(number),
    dispatchedId: idOf(1),
    variant: candidate.variant,
    worstCaseNanoUsd: candidate.worstCaseNanoUsd,
    windows: windowsOf(candidate, dispatch),
  };
}
