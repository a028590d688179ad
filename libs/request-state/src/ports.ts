import type { Shortage } from "@sluice/budgets";
import type {
  BudgetWindow,
  CostMetered,
  InferenceAdmitted,
  InferenceResponded,
} from "@sluice/contracts";

/** Identifies a request. A request id is unique only within its tenant. */
export interface RequestRef {
  readonly tenant: string;
  readonly requestId: string;
}

/** A request, and when it was admitted. A request id that is used again after its record has expired is a new request. */
export interface AdmittedRef extends RequestRef {
  /** In epoch milliseconds. */
  readonly admittedAt: number;
}

/** A client that waits for the reply of a request, and the process in which it waits. */
export interface Reader {
  /** From {@link newReaderId}. */
  readonly id: string;
  /** {@link Replies.listener} of its process. */
  readonly listener: string;
}

export interface Admission {
  /** Its tenant is `admitted.attribution.tenant`. */
  readonly admitted: InferenceAdmitted;
  /** Allows an SDK's retry without a request id to join this request for 10 min, see {@link Admissions.joinable}. */
  readonly join?: { readonly keyId: string };
  /** The client that waits for the answer. */
  readonly reader?: Reader;
}

/** What the store knows of the id of a request that arrives again. */
export type Repeated =
  /**
   * The request runs. `admitted` is the record that was admitted first, which a repeat publishes
   * again unless the broker has acknowledged `inference.admitted`.
   */
  | {
      readonly kind: "running";
      readonly admitted: InferenceAdmitted;
      readonly isAcknowledged: boolean;
    }
  /** `outcome` is null if it was published and the whole answer has expired since. */
  | { readonly kind: "ended"; readonly outcome: InferenceResponded | null }
  /** The id was admitted with another body. */
  | { readonly kind: "conflict" };

export type Admitted = { readonly kind: "first"; readonly admitted: InferenceAdmitted } | Repeated;

/**
 * Port of ingress: which requests were admitted, with which record. The store keeps no body of a
 * request, as each repeat has the same. All methods throw TransientFault `REDIS_UNAVAILABLE`.
 */
export abstract class Admissions {
  /**
   * Sets body hash, record and reader once per request id, in one round trip. Returns one result per
   * entry, in order.
   *
   * @throws TransientFault `REDIS_OUT_OF_MEMORY` if the store has no room for a further request. An
   *   entry that repeats a request needs none.
   */
  abstract admit(entries: readonly Admission[]): Promise<readonly Admitted[]>;

  /** Notes that the broker has acknowledged `inference.admitted` for these requests. A repeat does not publish it again. */
  abstract acknowledge(refs: readonly RequestRef[]): Promise<void>;

  /**
   * Returns what is known of the ids of these requests, one result each, in order; null for an
   * unknown id. Changes nothing.
   */
  abstract find(repeats: readonly InferenceAdmitted[]): Promise<readonly (Repeated | null)[]>;

  /**
   * Returns the id of the first request of the last 10 min with the same API key and body, if it
   * runs or has completed. Returns null if there is none, or if it was cancelled, declined or failed.
   * The reader of a running request counts as one that waits from now on.
   */
  abstract joinable(
    tenant: string,
    keyId: string,
    bodyHash: string,
    readerId: string,
  ): Promise<string | null>;
}

/**
 * A `hit` comes from the response cache, and a saving may follow. A `decision` is any other end without
 * a provider's answer. The request is `abandoned` if the message from which an attempt would end it is
 * dead-lettered.
 */
export type ClaimedBy = "hit" | "decision" | "abandoned";

export type Claim =
  /**
   * The claim has set the outcome, or it repeats one: it has the same bytes, or both are hits.
   * `outcome` is the stored one. Publish it, and meter its saving, instead of the one that was passed.
   */
  | { readonly kind: "won"; readonly outcome: InferenceResponded }
  /** Another outcome was set before. Publish that one. */
  | { readonly kind: "lost"; readonly outcome: InferenceResponded }
  /**
   * An attempt ends the request. For a hit: an attempt is held, calling or finished, so the lookup
   * stays a miss. For a decision: an attempt calls, and its paid answer would be lost.
   */
  | { readonly kind: "attempt-held" }
  /** The outcome was set and published, and its answer has expired. There is nothing left to do. */
  | { readonly kind: "answer-gone" };

/**
 * Port of all stages that end requests. All methods throw TransientFault `REDIS_UNAVAILABLE`, after which
 * the command may or may not have been executed. Repeat it.
 */
export abstract class Outcomes {
  /** Sets each outcome once and wakes its reader, atomically per request. Returns one result per outcome, in order. */
  abstract claim(outcomes: readonly InferenceResponded[], by: ClaimedBy): Promise<readonly Claim[]>;

  /**
   * Notes that `inference.responded` is acknowledged for these outcomes, and lets the whole answers
   * expire: after 24 h if the outcome is `remembered`, otherwise 10 min after its deadline, but not
   * within the next minute. Only the first call has this effect.
   *
   * If no call runs and the usage of every attempt is acknowledged, forgets all but that there was an
   * outcome, which the store knows for 3 d.
   */
  abstract published(publications: readonly Publication[]): Promise<void>;
}

/** What the broker has acknowledged for a request that has ended. */
export interface Publication {
  readonly outcome: InferenceResponded;
  /** The numbers of the attempts whose `cost.metered` is acknowledged. */
  readonly meteredAttempts: readonly number[];
}

/** `held` and `calling` have a lease. An attempt in any other phase has ended. */
export type AttemptPhase = "held" | "calling" | "finished" | "failed" | "released" | "doubt";

export interface AttemptState {
  /** From 1. */
  readonly number: number;
  readonly phase: AttemptPhase;
  /** 0 if the lease has expired, the attempt has ended, or the owner that asks holds it. */
  readonly leaseLeftMs: number;
  /** The usage that the owner stated, which a redelivery publishes again. null: the sweep estimates it, or the attempt has not ended. */
  readonly metered: CostMetered | null;
  /** The reason of a failure. */
  readonly reason: string | null;
}

export interface RequestHistory {
  readonly outcome: InferenceResponded | null;
  /** Whether the outcome was set and published, and the whole answer has expired since. */
  readonly answerGone: boolean;
  /** Whether the client has disconnected and no other client waits. */
  readonly cancelled: boolean;
  /** Whether a token was appended to the reply stream. A reply that has begun is not restarted, because the client has read its first tokens. */
  readonly replyBegan: boolean;
  /** Numbered from `attemptsBefore` + 1, without gaps. None if the outcome and all usage are published. */
  readonly attempts: readonly AttemptState[];
  /**
   * How many numbers of attempts are not used. Above 0, Redis has lost its data since the request was
   * admitted, and attempts with these numbers may have been made and billed.
   */
  readonly attemptsBefore: number;
}

/** What an attempt needs from the budgets of its tenant. */
export interface AttemptReservation {
  readonly attemptId: string;
  /** The id of the request's first attempt, under which the dispatcher reserved. */
  readonly dispatchedId: string;
  readonly variant: string;
  readonly worstCaseNanoUsd: bigint;
  readonly windows: readonly BudgetWindow[];
}

export type AttemptClaim =
  /** The caller owns the attempt until the lease ends. It is new, or its former owner's lease expired before the call. */
  | { readonly kind: "held"; readonly fence: number }
  | { readonly kind: "busy"; readonly leaseLeftMs: number }
  /** The lease expired during the call, so the provider may or may not bill it. The former owner is fenced. Further claims return the same. */
  | { readonly kind: "in-doubt" }
  | { readonly kind: "ended"; readonly attempt: AttemptState }
  /** `outcome` is null if it has expired. */
  | { readonly kind: "outcome-set"; readonly outcome: InferenceResponded | null }
  /** An earlier attempt has not ended, or the number is not one of the {@link attemptsMax} that the request has. */
  | { readonly kind: "not-next" }
  /** A budget does not cover the attempt. Nothing has changed. */
  | { readonly kind: "refused"; readonly shortage: Shortage };

export interface AttemptResult {
  /** null only if the sweep has to estimate it. */
  readonly metered: CostMetered | null;
  readonly outcome: InferenceResponded;
}

export interface AttemptEnd {
  readonly reason: string;
  /** null after a time-out or in doubt: the sweep estimates the usage. */
  readonly metered: CostMetered | null;
}

export type Renewal =
  | { readonly kind: "renewed"; readonly cancelled: boolean }
  | { readonly kind: "fenced" };

/** `cancelled` is also true if another stage has set the outcome. The reply has no reader then: end the call and finish. */
export type Append =
  | { readonly kind: "appended"; readonly cancelled: boolean }
  | { readonly kind: "fenced" };

export type Finish =
  | { readonly kind: "won" | "lost"; readonly outcome: InferenceResponded }
  /** Another stage had set the outcome, and its answer has expired. The usage is stored. */
  | { readonly kind: "answer-gone" }
  | { readonly kind: "fenced" };

/**
 * Port of the adapter: which worker may call a provider, and how the call ended. `claim` returns a
 * fence, which becomes invalid when another owner takes over. All methods throw TransientFault
 * `REDIS_UNAVAILABLE` and may be repeated.
 */
export abstract class Attempts {
  /**
   * Returns the outcome and all attempts of a request.
   *
   * @param owner who asks: it does not have to wait for the lease of an attempt that it holds itself
   */
  abstract history(ref: AdmittedRef, owner?: string): Promise<RequestHistory>;

  /**
   * Claims attempt 1 of a request that has only been admitted, as most have. Returns null if the
   * request has a history, which the adapter must read first.
   *
   * @param reservation null if no budget selects an attempt of the request
   * @throws TransientFault `BUDGETS_REBUILDING` while Redis has lost its data and is not rebuilt: what was
   *   attempted before is not known then
   */
  abstract begin(
    ref: AdmittedRef,
    owner: string,
    leaseMs: number,
    reservation: AttemptReservation | null,
  ): Promise<Extract<AttemptClaim, { kind: "held" | "refused" }> | null>;

  /**
   * Claims an attempt until its lease ends. An owner that holds the attempt already gets it again, with a
   * new fence: the store had accepted its claim, and the reply was lost. An owner must therefore claim an
   * attempt from one place at a time.
   *
   * The attempt takes what the dispatcher has reserved, or its own reservation from an earlier claim, and
   * reserves what is missing, in the same step.
   *
   * @param reservation null if no budget selects the attempt, or if the attempt is claimed only to end it
   * @throws TransientFault `BUDGETS_REBUILDING`, see {@link begin}
   */
  abstract claim(
    ref: AdmittedRef,
    attemptNumber: number,
    owner: string,
    leaseMs: number,
    reservation: AttemptReservation | null,
  ): Promise<AttemptClaim>;

  /**
   * Notes that the provider call begins, after the intent is acknowledged. The lease begins again.
   * Returns false if the owner must not call: it is fenced, or the budgets were rebuilt since its claim, which it
   * then repeats.
   */
  abstract calling(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<boolean>;

  /**
   * Whether the store has no trace of an attempt that was claimed: it has lost its data since. No other owner can have the
   * attempt then, because its number is not used again.
   */
  abstract hasLost(ref: RequestRef, attemptNumber: number): Promise<boolean>;

  /** Extends the lease. */
  abstract renew(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<Renewal>;

  /**
   * Appends live tokens. `sequence` rises from 0 within the attempt; a repeated one is ignored. The
   * tokens are stored only if the request's reply is `live`. Returns in either case whether the
   * client has disconnected.
   */
  abstract append(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    sequence: number,
    payload: string,
  ): Promise<Append>;

  /**
   * Stores the usage, claims the outcome and wakes the reader, atomically. If there is an outcome
   * already, only stores the usage. Returns `fenced` also if the outcome was published meanwhile.
   */
  abstract finish(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    result: AttemptResult,
  ): Promise<Finish>;

  /**
   * Notes that the attempt ended without an answer; the request continues. Returns false if the owner is fenced.
   * What is reserved for an attempt whose usage is zero is released.
   */
  abstract fail(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    end: AttemptEnd,
  ): Promise<boolean>;

  /** Notes that a held attempt will make no call. Returns false if the owner is fenced, or the call has begun. */
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
  /** `isComplete` is false if this reader has received some tokens and missed others. */
  | { readonly kind: "end"; readonly outcome: InferenceResponded; readonly isComplete: boolean }
  /** The request has ended, and the whole answer has expired. */
  | { readonly kind: "answer-gone" };

/** Port of ingress that delivers the reply to a client that waits. */
export abstract class Replies {
  /** Name of this process for {@link Reader.listener}. */
  abstract readonly listener: string;

  /**
   * Yields the tokens from the first one on, in order and each once, then the outcome. Yields no
   * token after a missing one, and says at the end that some were missed; a reader that found none
   * receives only the outcome, which holds the whole answer. Ends without an outcome if `signal`
   * aborts or the port is closed. During an outage of Redis it waits, so set a deadline on `signal`.
   * Works for any request, including one that ended long ago or that another process admitted.
   *
   * @param isNew whether this process has just admitted the request with its {@link listener}. The
   *   first read then waits for a notification, because there is nothing to read yet.
   */
  abstract follow(
    ref: RequestRef,
    readerId: string,
    signal: AbortSignal,
    isNew?: boolean,
  ): AsyncIterable<ReplyEvent>;

  /**
   * Notes that the client has disconnected and will not ask again. If no other reader waits, the
   * adapter learns from its next append or renewal that the request is cancelled.
   */
  abstract cancel(ref: RequestRef, readerId: string): Promise<void>;

  abstract close(): Promise<void>;
}
