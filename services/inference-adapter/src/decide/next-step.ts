import type { Candidate, InferenceDispatched, InferenceResponded } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import { attemptsMax, type AttemptState, type RequestHistory } from "@sluice/request-state";
import { chooseCandidate } from "./choose-candidate.ts";
import { type AttemptFailure, decodeFailure, type UnusableCode } from "./failure.ts";

export type EndCode =
  | "client_closed"
  | "deadline_exceeded"
  | "stream_interrupted"
  | "in_doubt"
  | "context_length_exceeded"
  | "provider_refused"
  | "provider_failed";

export interface End {
  readonly kind: "end";
  readonly outcome: "declined" | "failed";
  readonly code: EndCode;
  /** A sentence for the caller, with the remedy. */
  readonly reason: string;
}

export type NextStep =
  /** The request has ended: publish again what the record holds. */
  | { readonly kind: "publish"; readonly outcome: InferenceResponded }
  /** It ended, everything was published, and the answer has expired. */
  | { readonly kind: "nothing" }
  | { readonly kind: "wait"; readonly waitMs: number; readonly reason: string }
  /** The number is that of a new attempt, or of one whose owner died before it called. */
  | { readonly kind: "attempt"; readonly number: number; readonly candidate: Candidate }
  /** Its owner died before it called, and the request ends: close its intent. */
  | { readonly kind: "release"; readonly number: number }
  /** Its owner died while it called: have the record say so, which fences it. */
  | { readonly kind: "doubt"; readonly number: number }
  | End;

export interface Situation {
  readonly dispatched: InferenceDispatched;
  readonly history: RequestHistory;
  /** When a provider may be called for the candidate; Infinity if never. */
  readonly readyAt: (candidate: Candidate) => EpochMillis;
  readonly now: EpochMillis;
}

/** What is to be done for a request now. Pure; asked again after each thing done. */
export function nextStep(situation: Situation): NextStep {
  const { history } = situation;
  if (history.outcome) return { kind: "publish", outcome: history.outcome };
  if (history.answerGone) return { kind: "nothing" };

  const last = history.attempts.at(-1);
  if (last && isLive(last)) {
    if (last.leaseLeftMs > 0)
      return { kind: "wait", waitMs: last.leaseLeftMs, reason: "another owner's lease runs" };
    if (last.phase === "calling") return { kind: "doubt", number: last.number };
  }
  const unclaimed = last?.phase === "held" ? last.number : undefined;
  const step = endOf(situation) ?? attemptOf(situation, unclaimed ?? history.attempts.length + 1);
  return step.kind === "end" && unclaimed !== undefined
    ? { kind: "release", number: unclaimed }
    : step;
}

/** Why nothing more may be tried, if so. */
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
      "The provider's stream broke off after it had begun; send the request again.",
    );
  if (request.requirements.onDoubt === "fail" && history.attempts.some(isInDoubt))
    return failed(
      "in_doubt",
      "Nobody knows whether a provider was paid for this request, and it asked not to try again; send it under a new id.",
    );
  return undefined;
}

const late = {
  kind: "end",
  code: "deadline_exceeded",
  reason: "The deadline passed before there was an answer; allow more time.",
} as const;

function attemptOf({ dispatched, history, readyAt, now }: Situation, number: number): NextStep {
  const failures = history.attempts.flatMap(({ reason }) => decodeFailure(reason) ?? []);
  if (number > attemptsMax) return givenUp(failures);
  const choice = chooseCandidate({
    candidates: dispatched.dispatch.candidates,
    failures,
    readyAt,
    deadlineAt: dispatched.admitted.deadlineAt,
    now,
  });
  switch (choice.kind) {
    case "now":
      return { kind: "attempt", number, candidate: choice.candidate };
    case "later":
      return { kind: "wait", waitMs: choice.at - now, reason: "every candidate must rest" };
    case "none":
      return givenUp(failures);
    default:
      return choice satisfies never;
  }
}

/** The caller's own mistake is told as such, where every provider found it. */
function givenUp(failures: readonly AttemptFailure[]): End {
  const last = failures.at(-1);
  if (failures.length > 0 && failures.every(({ code }) => code === "context_length_exceeded"))
    return failed(
      "context_length_exceeded",
      "The conversation is longer than the model's context window; shorten it or name another model.",
    );
  if (failures.length > 0 && failures.every(isTheRequest))
    return failed(
      "provider_refused",
      `Every provider refused the request itself (HTTP ${last?.status ?? "4xx"}); check its parameters.`,
    );
  if (last?.code === "answer_too_large" || last?.code === "answer_unusable")
    return failed("provider_failed", unusableReasons[last.code]);
  return failed(
    "provider_failed",
    last
      ? `No provider answered; the last attempt ended with ${last.code}. Try again later.`
      : "No provider can be called now. Try again later.",
  );
}

/** The provider is paid for these, and would be again. */
const unusableReasons: Readonly<Record<UnusableCode, string>> = {
  answer_too_large:
    "The provider's embeddings are larger than an answer may be; send fewer inputs at once, or ask for fewer dimensions.",
  answer_unusable:
    "The provider answered with other embeddings than were asked for: in number, in dimensions, or in kind. Name another model, and tell whoever runs this one.",
};

function failed(code: EndCode, reason: string): End {
  return { kind: "end", outcome: "failed", code, reason };
}

function isTheRequest({ code }: AttemptFailure): boolean {
  return code === "request_refused" || code === "context_length_exceeded";
}

function isLive({ phase }: AttemptState): boolean {
  return phase === "held" || phase === "calling";
}

/** A provider may have been paid for it and nobody saw its answer. */
function isInDoubt({ phase, metered }: AttemptState): boolean {
  return phase === "doubt" || (phase === "failed" && metered === null);
}

/** Attempts that reached a socket. */
export function callsMade({ attempts }: RequestHistory): number {
  return attempts.filter(({ phase }) => phase !== "held" && phase !== "released").length;
}
