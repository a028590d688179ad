import type { CostMetered, InferenceAdmitted, InferenceResponded } from "@sluice/contracts";

/** A request id means nothing without its tenant. */
export interface RequestRef {
  readonly tenant: string;
  readonly requestId: string;
}

export interface Admission {
  /** Its tenant is `admitted.attribution.tenant`. */
  readonly admitted: InferenceAdmitted;
  /** Lets an SDK's retry without a key join this request for 10 min, see {@link Admissions.joinable}. */
  readonly join?: { readonly keyId: string };
  /** {@link Replies.listener} of the process that waits for the answer. */
  readonly listener?: string;
}

/** What is known of a request id. */
export interface KnownRequest {
  readonly bodyHash: string;
  /**
   * The record that was admitted first; a repeat publishes this one. Without
   * its messages once it is acknowledged, or its outcome published: a prompt
   * is kept no longer than somebody may have to publish it.
   */
  readonly admitted: InferenceAdmitted;
  /** Whether the broker has acknowledged `inference.admitted`. */
  readonly acknowledged: boolean;
  readonly outcome: InferenceResponded | null;
  /** The outcome was set and published, and the whole answer has expired. */
  readonly answerGone: boolean;
}

export type Admitted =
  | { readonly kind: "first"; readonly admitted: InferenceAdmitted }
  | ({ readonly kind: "repeat" } & Omit<KnownRequest, "bodyHash">)
  /** The id belongs to another body. */
  | { readonly kind: "conflict" };

/** Port of ingress: who was let in, and under which record. All throw TransientFault `REDIS_UNAVAILABLE`. */
export abstract class Admissions {
  /** Sets body hash, record and listener once per request id. One round trip for all; one answer per entry, in order. */
  abstract admit(entries: readonly Admission[]): Promise<readonly Admitted[]>;

  /** The broker has acknowledged `inference.admitted` for these: a repeat need not publish it again, and their messages are dropped. */
  abstract acknowledge(refs: readonly RequestRef[]): Promise<void>;

  /** Changes nothing. One answer per ref, in order; null where the id is unknown. */
  abstract find(refs: readonly RequestRef[]): Promise<readonly (KnownRequest | null)[]>;

  /**
   * Id of the first request of the last 10 min with the same API key and body,
   * if that runs or completed; null where there is none, or it was cancelled,
   * declined or failed.
   */
  abstract joinable(tenant: string, keyId: string, bodyHash: string): Promise<string | null>;
}

/** hit: from the response cache, so a saving may follow. decision: every other end without an answer. */
export type ClaimedBy = "hit" | "decision";

export type Claim =
  /**
   * Ours stands; or, on a redelivery, a claim of the same bytes, or one hit
   * after another. `outcome` is what stands: publish this, and meter the saving
   * of this, not of what was passed in.
   */
  | { readonly kind: "won"; readonly outcome: InferenceResponded }
  /** Another stood first; publish that one. */
  | { readonly kind: "lost"; readonly outcome: InferenceResponded }
  /** Only for hits: an attempt is held, calling or finished, so that this stays a miss. */
  | { readonly kind: "attempt-held" }
  /** It was set and published and has expired: nothing is left to do. */
  | { readonly kind: "answer-gone" };

/** Port of everyone who ends requests. All throw TransientFault `REDIS_UNAVAILABLE`; unknown then, so repeat. */
export abstract class Outcomes {
  /** Sets each outcome once and wakes its reader, atomically per request. One answer per outcome, in order. */
  abstract claim(outcomes: readonly InferenceResponded[], by: ClaimedBy): Promise<readonly Claim[]>;

  /**
   * `inference.responded` is acknowledged for these, so the whole answer may
   * expire: after 24 h if the outcome is `remembered`, else 10 min after its
   * deadline, and never within the next minute. That an outcome exists is
   * remembered for 3 d. Only the first call counts.
   */
  abstract published(outcomes: readonly InferenceResponded[]): Promise<void>;
}

/** held and calling have a lease; the others have ended. */
export type AttemptPhase = "held" | "calling" | "finished" | "failed" | "released" | "doubt";

export interface AttemptState {
  /** From 1. */
  readonly number: number;
  readonly phase: AttemptPhase;
  /** 0: expired, or ended. */
  readonly leaseLeftMs: number;
  /** As the owner stated it, to be published again by a redelivery; null: left to the sweep, or not ended. */
  readonly metered: CostMetered | null;
  /** Why it failed. */
  readonly reason: string | null;
}

export interface RequestHistory {
  readonly outcome: InferenceResponded | null;
  /** The outcome was set and published, and the whole answer has expired. */
  readonly answerGone: boolean;
  /** The client has gone and nobody else waits. */
  readonly cancelled: boolean;
  /** A token was appended to the reply stream: what has begun is never restarted behind the client's back. */
  readonly replyBegan: boolean;
  /** From number 1, without gaps. */
  readonly attempts: readonly AttemptState[];
}

export type AttemptClaim =
  /** Ours until the lease ends: new, or taken over from an owner that let it expire before it called. */
  | { readonly kind: "held"; readonly fence: number }
  | { readonly kind: "busy"; readonly leaseLeftMs: number }
  /** Its lease expired while calling: nobody knows whether the provider was paid. Its owner is fenced. Said again each time. */
  | { readonly kind: "in-doubt" }
  | { readonly kind: "ended"; readonly attempt: AttemptState }
  /** `outcome` is null when it has expired. */
  | { readonly kind: "outcome-set"; readonly outcome: InferenceResponded | null }
  /** An earlier attempt has not ended, or the number is outside 1 to {@link attemptsMax}. */
  | { readonly kind: "not-next" };

export interface AttemptResult {
  /** null only where the sweep is to estimate it. */
  readonly metered: CostMetered | null;
  readonly outcome: InferenceResponded;
}

export interface AttemptEnd {
  readonly reason: string;
  /** null: a time-out or doubt, left to the sweep. */
  readonly metered: CostMetered | null;
}

export type Renewal =
  | { readonly kind: "renewed"; readonly cancelled: boolean }
  | { readonly kind: "fenced" };

/** `cancelled` is also true when the outcome was set by somebody else: nobody reads on; end the call and finish. */
export type Append =
  | { readonly kind: "appended"; readonly cancelled: boolean }
  | { readonly kind: "fenced" };

export type Finish =
  | { readonly kind: "won" | "lost"; readonly outcome: InferenceResponded }
  /** The outcome had been set by another, and has expired; the usage is stored. */
  | { readonly kind: "answer-gone" }
  | { readonly kind: "fenced" };

/**
 * Port of the adapter: who may call a provider, and what came of it. A fence is
 * what `claim` gave; it stops counting when another owner takes over. All throw
 * TransientFault `REDIS_UNAVAILABLE`; every call may be repeated. A claim whose
 * answer was lost is busy until its lease ends: nobody can tell a repeat from
 * a second worker of the same process, and two workers with one fence would pay twice.
 */
export abstract class Attempts {
  abstract history(ref: RequestRef): Promise<RequestHistory>;

  /**
   * Claims attempt 1 of a request of which nothing is recorded but its admission, which is most of
   * them. The fence; or null, where there is a history to be looked at first.
   */
  abstract begin(ref: RequestRef, owner: string, leaseMs: number): Promise<number | null>;

  abstract claim(
    ref: RequestRef,
    attemptNumber: number,
    owner: string,
    leaseMs: number,
  ): Promise<AttemptClaim>;

  /** The intent is acknowledged and the socket comes next. False: fenced, do not call. */
  abstract calling(ref: RequestRef, attemptNumber: number, fence: number): Promise<boolean>;

  abstract renew(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<Renewal>;

  /**
   * Live tokens, `sequence` rising from 0 within the attempt; the same one twice
   * is harmless. Stored only where the request's reply is `live`; answers
   * whether the client has gone either way.
   */
  abstract append(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    sequence: number,
    payload: string,
  ): Promise<Append>;

  /** Stores the usage, claims the outcome and wakes the reader, in one function. Outcome already set: usage only. */
  abstract finish(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    result: AttemptResult,
  ): Promise<Finish>;

  /** It ended without an answer and the request goes on. False: fenced. */
  abstract fail(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    end: AttemptEnd,
  ): Promise<boolean>;

  /** It was held and will never call. False: fenced, or it has called. */
  abstract release(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    metered: CostMetered,
  ): Promise<boolean>;
}

export type ReplyEvent =
  | {
      readonly kind: "token";
      readonly attempt: number;
      readonly sequence: number;
      readonly payload: string;
    }
  | { readonly kind: "end"; readonly outcome: InferenceResponded }
  /** It ended, and the whole answer has expired. */
  | { readonly kind: "answer-gone" };

/** Port of ingress: what comes back to whoever waits. */
export abstract class Replies {
  /** Name of this process for {@link Admission.listener}. */
  abstract readonly listener: string;

  /**
   * From the first token on, in order, none twice, closed by the outcome. Ends
   * without one when `signal` aborts or this is closed. An outage of Redis is
   * waited out: set a deadline on `signal`. Works for any request, also one
   * that ended long ago or was admitted elsewhere.
   *
   * @param isNew this process has just admitted it, naming {@link listener}: there is nothing
   *   to read before it is told so.
   */
  abstract follow(ref: RequestRef, signal: AbortSignal, isNew?: boolean): AsyncIterable<ReplyEvent>;

  /** The client has gone: the adapter is told with its next append or renewal. */
  abstract cancel(ref: RequestRef): Promise<void>;

  abstract close(): Promise<void>;
}
