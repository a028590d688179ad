import type { InferenceAdmitted } from "@sluice/contracts";
import type { Admissions, Attempts, Outcomes, Replies, RequestRef } from "../ports.ts";
import { fixtureTenant } from "./records.fixture.ts";

/** The four ports over one store, and what a test may do to that store from behind. */
export interface OutcomeHarness {
  readonly admissions: Admissions;
  readonly outcomes: Outcomes;
  readonly attempts: Attempts;
  readonly replies: Replies;
  /** The whole answer expires. */
  readonly forgetAnswer: (ref: RequestRef) => Promise<void>;
  /** The store loses the request. */
  readonly forget: (ref: RequestRef) => Promise<void>;
}

/** A lease that outlives a test, and one that a test can wait for. */
export const longLeaseMs = 10_000;
export const shortLeaseMs = 40;

export function refOfAdmitted(admitted: InferenceAdmitted): RequestRef {
  return { tenant: fixtureTenant, requestId: admitted.request.requestId };
}

export async function admit(
  { admissions }: OutcomeHarness,
  admitted: InferenceAdmitted,
): Promise<RequestRef> {
  await admissions.admit([{ admitted }]);
  return refOfAdmitted(admitted);
}

/** @returns the fence of an attempt that may call. */
export async function held(
  { attempts }: OutcomeHarness,
  ref: RequestRef,
  attemptNumber = 1,
  leaseMs = longLeaseMs,
): Promise<number> {
  const claim = await attempts.claim(ref, attemptNumber, "owner-a", leaseMs);
  if (claim.kind !== "held") throw new Error(`Not held but ${claim.kind}.`);
  return claim.fence;
}

export async function calling(
  harness: OutcomeHarness,
  ref: RequestRef,
  attemptNumber = 1,
  leaseMs = longLeaseMs,
): Promise<number> {
  const fence = await held(harness, ref, attemptNumber, leaseMs);
  await harness.attempts.calling(ref, attemptNumber, fence);
  return fence;
}

export async function leaseEnds(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, shortLeaseMs + 20));
}
