import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import { type Found, hitOutcome } from "@sluice/response-cache";
import { type Refusal, refused } from "../request/refusal.ts";
import type { Candidate } from "./candidate.ts";
import type { Known } from "./known-request.ts";

/** What the response cache holds for a request. Ingress queries it for HTTP requests only. */
export type Cached = { readonly kind: "not-looked-up" } | Found;

export const notLookedUp: Cached = { kind: "not-looked-up" };

/** Why a request gets neither an answer nor an outcome. */
export type RefusedBecause =
  /** The id belongs to a request with another body, and an outcome would end that one. */
  | "another-body"
  /** The request has ended and its answer is no longer stored; running it again would charge it twice. */
  | "answer-expired"
  /** The message may be a recorded one that is sent again by another sender. */
  | "stale-signature";

/** What ingress does with a request. */
export type AdmissionDecision =
  /** Publish the record; the request is new. */
  | { readonly kind: "admit"; readonly admitted: InferenceAdmitted }
  /** Return an outcome that exists: the request has ended, or the cache holds its answer. */
  | {
      readonly kind: "answer";
      readonly from: "known-outcome" | "cache";
      readonly outcome: InferenceResponded;
    }
  /** Follow the request that runs under this id. Publish its record again if the broker may not have it. */
  | {
      readonly kind: "join";
      readonly admitted: InferenceAdmitted;
      readonly isAcknowledged: boolean;
    }
  /** End the request without an answer, because it is wrong or exceeds a limit. */
  | {
      readonly kind: "decline";
      readonly admitted: InferenceAdmitted;
      readonly refusal: Refusal;
    }
  | { readonly kind: "refuse"; readonly because: RefusedBecause };

/**
 * Decides what happens to a request. HTTP and Kafka both call it: first with what they have looked
 * up, and again with what Redis reports when another process was faster. Pure.
 *
 * The deadline is judged by the time of arrival, `admittedAt`. A slow look-up therefore does not
 * change the decision, and a second call decides the same.
 *
 * @param now when a hit completes the request
 * @param limited why a limit declines the request; undefined if it was not counted or is within its limits
 */
export function decideAdmission(
  candidate: Candidate,
  known: Known,
  cached: Cached,
  now: EpochMillis,
  limited?: Refusal,
): AdmissionDecision {
  const { admitted } = candidate;
  const refusal = candidate.refusal ?? deadlineRefusalOf(admitted) ?? limited;
  // An HTTP client reads the refusal itself, and no outcome is stored. What is known of the id therefore does not matter.
  if (refusal && admitted.origin === "http") return { kind: "decline", admitted, refusal };
  switch (known.kind) {
    case "conflict":
      return { kind: "refuse", because: "another-body" };
    case "ended":
      return known.outcome
        ? { kind: "answer", from: "known-outcome", outcome: known.outcome }
        : { kind: "refuse", because: "answer-expired" };
    case "running":
      return decideRunning(known, refusal);
    case "nothing":
      if (candidate.isStale) return { kind: "refuse", because: "stale-signature" };
      return refusal ? { kind: "decline", admitted, refusal } : decideNew(admitted, cached, now);
    default:
      return known satisfies never;
  }
}

function decideRunning(
  { admitted, isAcknowledged }: Extract<Known, { kind: "running" }>,
  refusal: Refusal | undefined,
): AdmissionDecision {
  // A request that runs is not declined because a late repeat of it has a deadline that passed.
  if (refusal && !isAcknowledged) return { kind: "decline", admitted, refusal };
  return { kind: "join", admitted, isAcknowledged };
}

function decideNew(
  admitted: InferenceAdmitted,
  cached: Cached,
  now: EpochMillis,
): AdmissionDecision {
  switch (cached.kind) {
    case "not-looked-up":
      return { kind: "admit", admitted };
    case "miss":
      return { kind: "admit", admitted: { ...admitted, lookup: cached.lookup } };
    case "exact-hit": {
      const outcome = hitOutcome(admitted, cached.lookup, cached.entry, "ingress", now);
      return { kind: "answer", from: "cache", outcome };
    }
    default:
      return cached satisfies never;
  }
}

function deadlineRefusalOf({ deadlineAt, admittedAt }: InferenceAdmitted): Refusal | undefined {
  if (deadlineAt > admittedAt) return undefined;
  const reason = "The deadline had passed when the request was read; set a later one.";
  return refused("deadline_exceeded", reason, null);
}
