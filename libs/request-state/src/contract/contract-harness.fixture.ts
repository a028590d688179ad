import type { Allowances, BudgetRebuild, Budgets } from "@sluice/budgets";
import type { InferenceAdmitted } from "@sluice/contracts";
import type {
  AttemptClaim,
  AdmittedRef,
  Admissions,
  Attempts,
  Outcomes,
  Replies,
  RequestRef,
} from "../ports.ts";
import { refOfAdmitted } from "../request-ref.ts";

/** The four ports over one store, its budgets, and three changes that a test makes to the store behind the ports. */
export interface OutcomeHarness {
  readonly admissions: Admissions;
  readonly outcomes: Outcomes;
  readonly attempts: Attempts;
  readonly replies: Replies;
  /** The budgets of the same store. Those of the fixture's tenant are ready. */
  readonly budgets: Allowances & BudgetRebuild & Budgets;
  /** Removes the whole answer, as its expiry would. */
  readonly forgetAnswer: (ref: RequestRef) => Promise<void>;
  /** Removes the tokens that are stored so far, as their expiry would. */
  readonly forgetTokens: (ref: RequestRef) => Promise<void>;
  /** Removes the request, as a loss of the store would. */
  readonly forget: (ref: RequestRef) => Promise<void>;
}

/** Longer than a test takes. */
export const longLeaseMs = 10_000;
/** Short enough for a test to wait until it expires. */
export const shortLeaseMs = 40;

export async function admit(
  { admissions }: OutcomeHarness,
  admitted: InferenceAdmitted,
): Promise<AdmittedRef> {
  await admissions.admit([{ admitted }]);
  return refOfAdmitted(admitted);
}

/** Returns the fence of an attempt that was claimed. */
export function fenceOf(claim: AttemptClaim | null | undefined): number {
  if (claim?.kind !== "held") throw new Error(`The claim returned ${claim?.kind} instead of held.`);
  return claim.fence;
}

/** Claims an attempt for owner-a. Returns the fence with which that owner may call. */
export async function claimAttempt(
  { attempts }: OutcomeHarness,
  ref: AdmittedRef,
  attemptNumber = 1,
  leaseMs = longLeaseMs,
): Promise<number> {
  return fenceOf(await attempts.claim(ref, attemptNumber, "owner-a", leaseMs, null));
}

/** Claims an attempt and notes that its provider call begins. Returns the owner's fence. */
export async function beginCall(
  harness: OutcomeHarness,
  ref: AdmittedRef,
  attemptNumber = 1,
  leaseMs = longLeaseMs,
): Promise<number> {
  const fence = await claimAttempt(harness, ref, attemptNumber, leaseMs);
  await harness.attempts.calling(ref, attemptNumber, fence, leaseMs);
  return fence;
}

/** Waits until a lease of {@link shortLeaseMs} has expired. */
export async function untilShortLeaseExpires(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, shortLeaseMs + 20));
}
