import type { Candidate } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { AttemptFailure } from "./failure.ts";

export type CandidateChoice =
  | { readonly kind: "now"; readonly candidate: Candidate }
  /** All that is left must rest until then. */
  | { readonly kind: "later"; readonly at: EpochMillis }
  | { readonly kind: "none" };

export interface CandidateQuestion {
  /** Best first. */
  readonly candidates: readonly Candidate[];
  /** Of the attempts made so far. */
  readonly failures: readonly AttemptFailure[];
  /** When the provider may be called for it: `now` or before if at once, Infinity if never. */
  readonly readyAt: (candidate: Candidate) => EpochMillis;
  readonly deadlineAt: EpochMillis;
  readonly now: EpochMillis;
}

/**
 * The best candidate that has not failed and may be called now. When there is no
 * such one, whichever may be called soonest, a failed one only after it has
 * rested; none if that is beyond the deadline.
 */
export function chooseCandidate(question: CandidateQuestion): CandidateChoice {
  const { candidates, failures, readyAt, deadlineAt, now } = question;
  const failed = new Map(failures.map((failure) => [failure.variant, failure.retryAt]));
  const fresh = candidates.find(
    (candidate) => !failed.has(candidate.variant) && readyAt(candidate) <= now,
  );
  if (fresh) return { kind: "now", candidate: fresh };

  let soonest: { readonly candidate: Candidate; readonly at: EpochMillis } | undefined;
  for (const candidate of candidates) {
    const retryAt = failed.has(candidate.variant) ? failed.get(candidate.variant) : now;
    if (retryAt === null || retryAt === undefined) continue;
    const at = Math.max(retryAt, readyAt(candidate), now);
    if (at < deadlineAt && (!soonest || at < soonest.at)) soonest = { candidate, at };
  }
  if (!soonest) return { kind: "none" };
  return soonest.at <= now
    ? { kind: "now", candidate: soonest.candidate }
    : { kind: "later", at: soonest.at };
}
