import type { Candidate, InferenceDispatched, InferenceResponded } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import { attemptsMax, type AttemptState, type RequestHistory } from "@sluice/request-state";
import { chooseCandidate } from "./choose-candidate.ts";
import { type AttemptFailure, decodeFailure, type FailureCode } from "./failure.ts";

export type EndCode =
  | "client_closed"
  | "deadline_exceeded"
  | "stream_interrupted"
  | "in_doubt"
  | "context_length_exceeded"
  | "provider_refused"
  | "provider_busy"
  | "provider_failed";

export interface End {
  readonly kind: "end";
  readonly outcome: "declined" | "failed";
  readonly code: EndCode;
  /** What happened and what to do, for the client. */
  readonly reason: string;
  /** After how many milliseconds a new request may succeed; absent if that is not known. */
  readonly retryAfterMs?: number | undefined;
}

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
  /** How long this process has postponed the request so far, in milliseconds. */
  readonly waitedMs: number;
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
  const step = endOf(situation) ?? attemptOf(situation, unclaimed ?? history.attempts.length + 1);
  return step.kind === "end" && unclaimed !== undefined
    ? { kind: "release", number: unclaimed }
    : step;
}

/** Returns why no further attempt may be made, or undefined if one may. */
function endOf({ dispatched, history, now }: Situation): End | undefined {
  const { deadlineAt, request } = dispatched.admitted;
  if (history.cancelled)
    return failed("client_closed", "The client closed the connection before the answer was ready.");
  if (now >= deadlineAt)
    return callsMade(history) === 0
      ? { ...late, outcome: "declined" }
      : { ...late, outcome: "failed" };
  if (history.replyBegan)
    return failed(
      "stream_interrupted",
      "The provider's stream ended before the answer was complete. Send the request again.",
    );
  if (request.requirements.onDoubt === "fail" && history.attempts.some(isInDoubt))
    return failed(
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
  const { dispatched, history, readyAt, waitedMs, now } = situation;
  const failures = history.attempts.flatMap(({ reason }) => decodeFailure(reason) ?? []);
  if (number > attemptsMax) return givenUp(failures);
  const choice = chooseCandidate({
    candidates: dispatched.dispatch.candidates,
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
      if (isTooLong) return busyFor(waitMs);
      return { kind: "wait", waitMs, reason: "no candidate may be called yet" };
    }
    case "none":
      return givenUp(failures);
    default:
      return choice satisfies never;
  }
}

/**
 * Returns the end of a request without candidates. It is the client's error only if every provider
 * said so.
 */
function givenUp(failures: readonly AttemptFailure[]): End {
  const last = failures.at(-1);
  if (failures.length > 0 && failures.every(({ code }) => code === "context_length_exceeded"))
    return failed(
      "context_length_exceeded",
      "The conversation is longer than the context window of the model. Shorten it, or name another model.",
    );
  if (failures.length > 0 && failures.every(isTheRequest))
    return failed(
      "provider_refused",
      `Every provider refused the request itself (HTTP ${last?.status ?? "4xx"}). Check its parameters.`,
    );
  const answer = last && answerReasons.get(last.code);
  if (answer) return failed("provider_failed", answer);
  return failed(
    "provider_failed",
    last
      ? `No provider answered; the last attempt ended with ${last.code}. Try again later.`
      : "No provider can be called now. Try again later.",
  );
}

function busyFor(waitMs: number): End {
  const seconds = Math.ceil(waitMs / 1_000);
  const reason = `No model that may answer can be called for ${seconds} s, because its provider limits the calls or is resting. Send the request again after that, or name another model.`;
  return { ...failed("provider_busy", reason), retryAfterMs: waitMs };
}

/** The provider bills these answers, and would bill another call too. */
const answerReasons: ReadonlyMap<FailureCode, string> = new Map([
  [
    "answer_too_large",
    "The provider's embeddings are larger than an answer may be. Send fewer inputs at once, or ask for fewer dimensions.",
  ],
  [
    "answer_unusable",
    "The provider returned other embeddings than were asked for: their number, dimensions or format is wrong. Name another model, and report this one to the operator.",
  ],
  [
    "answer_too_long",
    "The provider's answer is larger than the 32 MiB that are read. Ask for fewer tokens or without log probabilities, or name another model.",
  ],
]);

function failed(code: EndCode, reason: string): End {
  return { kind: "end", outcome: "failed", code, reason };
}

function isTheRequest({ code }: AttemptFailure): boolean {
  return code === "request_refused" || code === "context_length_exceeded";
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
