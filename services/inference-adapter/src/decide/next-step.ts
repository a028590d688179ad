import type { Shortage } from "@sluice/budgets";
import type { Candidate, InferenceDispatched, InferenceResponded } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import { attemptsMax, type AttemptState, type RequestHistory } from "@sluice/request-state";
import { chooseCandidate } from "./choose-candidate.ts";
import { type AttemptFailure, decodeFailure, type FailureCode } from "./failure.ts";
import { busyFor, type End, ended, givenUp, overBudget } from "./request-end.ts";

export type { End } from "./request-end.ts";

/**
 * The longest time that a request is postponed for a provider, in all and in milliseconds. A request that waits
 * keeps its place in the partition, and all messages behind it would wait too, up to the limit of uncommitted
 * messages.
 */
const postponedMsMax = 15_000;

export type NextStep =
  /** The request has ended. What the record holds is published again. */
  | { readonly kind: "publish"; readonly outcome: InferenceResponded }
  /** The request has ended, everything was published, and the stored answer has expired. */
  | { readonly kind: "nothing" }
  | { readonly kind: "wait"; readonly waitMs: number; readonly reason: string }
  /** Makes a new attempt, or repeats one whose owner stopped before it called the provider. */
  | { readonly kind: "attempt"; readonly number: number; readonly candidate: Candidate }
  /** Closes the intent of an attempt whose owner stopped before it called, because the request ends. */
  | { readonly kind: "release"; readonly number: number }
  /**
   * Records that an attempt is in doubt, because its owner stopped during the call. This fences the
   * owner.
   */
  | { readonly kind: "doubt"; readonly number: number }
  | End;

/** What the next step depends on. */
export interface Situation {
  readonly dispatched: InferenceDispatched;
  readonly history: RequestHistory;
  /**
   * When a provider may be called for the candidate: at most `now` if immediately, Infinity if
   * never.
   */
  readonly readyAt: (candidate: Candidate) => EpochMillis;
  /** Why a candidate's provider rests; null if it does not, or if it failed. */
  readonly restsBecause: (candidate: Candidate) => FailureCode | null;
  /** How long this process has postponed the request so far, in milliseconds. */
  readonly waitedMs: number;
  /** What a budget refused in this delivery, by variant. */
  readonly shortages: ReadonlyMap<string, Shortage>;
  readonly now: EpochMillis;
}

/** Decides what to do next for a request. Pure. The stage calls it again after each step. */
export function nextStep(situation: Situation): NextStep {
  const { history } = situation;
  if (history.outcome) return { kind: "publish", outcome: history.outcome };
  if (history.answerGone) return { kind: "nothing" };

  const last = history.attempts.at(-1);
  if (last && isLive(last)) {
    if (last.leaseLeftMs > 0)
      return {
        kind: "wait",
        waitMs: last.leaseLeftMs,
        reason: "another adapter holds the lease of the attempt",
      };
    if (last.phase === "calling") return { kind: "doubt", number: last.number };
  }
  const unclaimed = last?.phase === "held" ? last.number : undefined;
  const next = history.attemptsBefore + history.attempts.length + 1;
  const step = endOf(situation) ?? attemptOf(situation, unclaimed ?? next);
  return step.kind === "end" && unclaimed !== undefined
    ? { kind: "release", number: unclaimed }
    : step;
}

/** Returns why no further attempt may be made, or undefined if one may. */
function endOf({ dispatched, history, now }: Situation): End | undefined {
  const { deadlineAt, request, reply } = dispatched.admitted;
  if (history.cancelled)
    return ended("client_closed", "The client closed the connection before the answer was ready.");
  if (now >= deadlineAt)
    return callsMade(history) === 0
      ? { ...late, outcome: "declined" }
      : { ...late, outcome: "failed" };
  const isAfterLoss = history.attemptsBefore > 0;
  if (history.replyBegan || (isAfterLoss && reply === "live"))
    return ended(
      "stream_interrupted",
      "The provider's stream ended before the answer was complete. Send the request again.",
    );
  if (request.requirements.onDoubt === "fail" && (isAfterLoss || history.attempts.some(isInDoubt)))
    return ended(
      "in_doubt",
      "It is not known whether a provider billed this request, and the request does not allow another attempt. Send it under a new id.",
    );
  return undefined;
}

const late = {
  kind: "end",
  code: "deadline_exceeded",
  reason: "The deadline passed before an answer was ready. Allow more time.",
} as const;

function attemptOf(situation: Situation, number: number): NextStep {
  const { dispatched, history, readyAt, waitedMs, shortages, now } = situation;
  const failures = history.attempts.flatMap(({ reason }) => decodeFailure(reason) ?? []);
  if (number - history.attemptsBefore > attemptsMax) return givenUp(failures, now);
  const covered = dispatched.dispatch.candidates.filter(({ variant }) => !shortages.has(variant));
  if (covered.length === 0) return overBudget([...shortages.values()], callsMade(history) > 0);
  const choice = chooseCandidate({
    candidates: covered,
    failures,
    readyAt,
    now,
  });
  switch (choice.kind) {
    case "now":
      return { kind: "attempt", number, candidate: choice.candidate };
    case "later": {
      const waitMs = choice.at - now;
      // A provider that rests for a moment, again and again, must not make a request wait until its deadline.
      const isTooLong =
        waitedMs + waitMs > postponedMsMax || choice.at >= dispatched.admitted.deadlineAt;
      if (isTooLong) return busyFor(waitMs, reasonsOf(situation, failures));
      return { kind: "wait", waitMs, reason: "no candidate may be called yet" };
    }
    case "none":
      return givenUp(failures, now);
    default:
      return choice satisfies never;
  }
}

/** Returns why each candidate cannot be called now: how it failed for this request, or why its provider rests. */
function reasonsOf(
  { dispatched, restsBecause }: Situation,
  failures: readonly AttemptFailure[],
): readonly (FailureCode | null)[] {
  return dispatched.dispatch.candidates.map(
    (candidate) =>
      failures.findLast(({ variant }) => variant === candidate.variant)?.code ??
      restsBecause(candidate),
  );
}

function isLive({ phase }: AttemptState): boolean {
  return phase === "held" || phase === "calling";
}

/** Whether a provider may have billed the attempt without an answer that was received. */
function isInDoubt({ phase, metered }: AttemptState): boolean {
  return phase === "doubt" || (phase === "failed" && metered === null);
}

/** Returns how many attempts have called a provider. */
export function callsMade({ attempts }: RequestHistory): number {
  return attempts.filter(({ phase }) => phase !== "held" && phase !== "released").length;
}
