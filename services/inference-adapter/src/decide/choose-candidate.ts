import type { Candidate } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { AttemptFailure } from "./failure.ts";

export type CandidateChoice =
  | { readonly kind: "now"; readonly candidate: Candidate }
  /** No candidate may be called before this time, which may be after the deadline. */
  | { readonly kind: "later"; readonly at: EpochMillis }
  | { readonly kind: "none" };

/** What the choice depends on. */
export interface CandidateFacts {
  /** Best first. */
  readonly candidates: readonly Candidate[];
  /** The failures of the attempts that were made so far. */
  readonly failures: readonly AttemptFailure[];
  /**
   * When a provider may be called for the candidate: at most `now` if immediately, Infinity if
   * never.
   */
  readonly readyAt: (candidate: Candidate) => EpochMillis;
  readonly now: EpochMillis;
}

/**
 * Returns the best candidate that has not failed and may be called now. If there is none, it returns
 * the one that may be called soonest; a candidate that failed counts from its `retryAt` on. It
 * returns `none` if no candidate may be called at any time.
 */
export function chooseCandidate(facts: CandidateFacts): CandidateChoice {
  const { candidates, failures, readyAt, now } = facts;
  // A stale connection says nothing about the candidate, which is called again at once.
  const counted = failures.filter(({ code }) => code !== "connection_stale");
  const failed = new Map(counted.map((failure) => [failure.variant, failure.retryAt]));
  const fresh = candidates.find(
    (candidate) => !failed.has(candidate.variant) && readyAt(candidate) <= now,
  );
  if (fresh) return { kind: "now", candidate: fresh };

  let soonest: { readonly candidate: Candidate; readonly at: EpochMillis } | undefined;
  for (const candidate of candidates) {
    const retryAt = failed.has(candidate.variant) ? failed.get(candidate.variant) : now;
    if (retryAt === null || retryAt === undefined) continue;
    const at = Math.max(retryAt, readyAt(candidate), now);
    if (Number.isFinite(at) && (!soonest || at < soonest.at)) soonest = { candidate, at };
  }
  if (!soonest) return { kind: "none" };
  return soonest.at <= now
    ? { kind: "now", candidate: soonest.candidate }
    : { kind: "later", at: soonest.at };
}
