import type { Shortage } from "@sluice/budgets";
import type { CostMetered } from "@sluice/contracts";
import { costsNothing } from "../costs-nothing.ts";
import {
  type StoredAttempt,
  type InMemoryRequests,
  isLive,
  type StoredRequest,
} from "./in-memory-requests.ts";
import { attemptsMax } from "../limits.ts";
import {
  type AdmittedRef,
  type Append,
  type AttemptClaim,
  type AttemptEnd,
  type AttemptReservation,
  type AttemptResult,
  Attempts,
  type Finish,
  type Renewal,
  type RequestHistory,
  type RequestRef,
} from "../ports.ts";

/** Fake of {@link Attempts} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryAttempts extends Attempts {
  readonly #requests: InMemoryRequests;

  constructor(requests: InMemoryRequests) {
    super();
    this.#requests = requests;
  }

  override async history(ref: AdmittedRef, owner?: string): Promise<RequestHistory> {
    const request = this.#requests.find(ref);
    const outcome = request ? this.#requests.answerOf(request) : null;
    const attempts = [...(request?.attempts ?? [])];
    return {
      outcome,
      answerGone: (request?.outcomeBy ?? null) !== null && outcome === null,
      cancelled: request?.cancelled ?? false,
      replyBegan: (request?.lastToken ?? null) !== null,
      attempts: attempts.map(([number, attempt]) => this.#requests.stateOf(number, attempt, owner)),
      attemptsBefore: this.#attemptsBefore(ref),
    };
  }

  override async begin(
    ref: AdmittedRef,
    owner: string,
    leaseMs: number,
    reservation: AttemptReservation | null,
  ): Promise<Extract<AttemptClaim, { kind: "held" | "refused" }> | null> {
    const request = this.#requests.find(ref);
    if (request?.cancelled || request?.attempts.has(1)) return null;
    if (this.#attemptsBefore(ref) > 0) return null;
    const claim = await this.claim(ref, 1, owner, leaseMs, reservation);
    return claim.kind === "held" || claim.kind === "refused" ? claim : null;
  }

  override async claim(
    ref: AdmittedRef,
    attemptNumber: number,
    owner: string,
    leaseMs: number,
    reservation: AttemptReservation | null,
  ): Promise<AttemptClaim> {
    const request = this.#requests.findOrCreate(ref);
    if (request.outcomeBy !== null)
      return { kind: "outcome-set", outcome: this.#requests.answerOf(request) };
    this.#requests.budgets.assertReady(ref.tenant);
    const before = this.#attemptsBefore(ref);
    if (!isNext(request, attemptNumber - before)) return { kind: "not-next" };

    const attempt = request.attempts.get(attemptNumber);
    if (attempt?.phase === "doubt") return { kind: "in-doubt" };
    if (attempt && !isLive(attempt.phase))
      return { kind: "ended", attempt: this.#requests.stateOf(attemptNumber, attempt, owner) };
    const leaseLeftMs = attempt ? this.#requests.leaseLeftMs(attempt, owner) : 0;
    if (leaseLeftMs > 0) return { kind: "busy", leaseLeftMs };

    const fence = (attempt?.fence ?? 0) + 1;
    if (attempt?.phase === "calling") {
      Object.assign(attempt, { phase: "doubt", fence });
      return { kind: "in-doubt" };
    }
    const shortage = reservation && this.#reserve(ref.tenant, reservation);
    if (shortage) return { kind: "refused", shortage };
    request.attemptsBefore = before;
    const leaseUntil = this.#requests.clock.now() + leaseMs;
    const held: StoredAttempt = {
      epoch: this.#requests.budgets.epochOf(ref.tenant),
      phase: "held",
      owner,
      fence,
      leaseUntil,
      metered: null,
      reason: null,
    };
    request.attempts.set(attemptNumber, held);
    return { kind: "held", fence };
  }

  override async calling(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<boolean> {
    const owned = this.#owned(ref, attemptNumber, fence);
    if (!owned || !isLive(owned.attempt.phase) || owned.request.outcomeBy !== null) return false;
    const epoch = this.#requests.budgets.epochOf(ref.tenant);
    if (epoch === null || owned.attempt.epoch !== epoch) return false;
    owned.attempt.phase = "calling";
    owned.attempt.leaseUntil = this.#requests.clock.now() + leaseMs;
    return true;
  }

  override async hasLost(ref: RequestRef, attemptNumber: number): Promise<boolean> {
    const request = this.#requests.find(ref);
    return !request || (!request.attempts.has(attemptNumber) && request.outcomeBy === null);
  }

  override async renew(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    leaseMs: number,
  ): Promise<Renewal> {
    const owned = this.#owned(ref, attemptNumber, fence);
    if (!owned || !isLive(owned.attempt.phase)) return { kind: "fenced" };
    const { request, attempt } = owned;
    attempt.leaseUntil = this.#requests.clock.now() + leaseMs;
    return { kind: "renewed", cancelled: request.cancelled || request.outcomeBy !== null };
  }

  override async append(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    sequence: number,
    payload: string,
  ): Promise<Append> {
    const owned = this.#owned(ref, attemptNumber, fence);
    if (owned?.attempt.phase !== "calling") return { kind: "fenced" };
    const { request } = owned;
    if (request.outcomeBy !== null) return { kind: "appended", cancelled: true };
    const last = request.lastToken;
    const isRepeated = last?.attempt === attemptNumber && sequence <= last.sequence;
    if (request.reply === "live" && !isRepeated) {
      request.lastToken = { attempt: attemptNumber, sequence };
      request.tokens.push({ ...request.lastToken, payload });
      this.#requests.readers.notify(this.#requests.keyOf(ref));
    }
    return { kind: "appended", cancelled: request.cancelled };
  }

  override async finish(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    { metered, outcome }: AttemptResult,
  ): Promise<Finish> {
    const owned = this.#owned(ref, attemptNumber, fence);
    if (!owned) return { kind: "fenced" };
    const { request, attempt } = owned;
    if (attempt.phase !== "calling" && attempt.phase !== "finished") return { kind: "fenced" };
    const by = `attempt-${attemptNumber}` as const;
    if (attempt.phase === "calling") {
      Object.assign(attempt, { phase: "finished", metered });
      if (request.outcomeBy === null) this.#requests.setOutcome(ref, outcome, by);
    }
    const first = this.#requests.answerOf(request);
    if (!first) return { kind: "answer-gone" };
    return { kind: request.outcomeBy === by ? "won" : "lost", outcome: first };
  }

  override async fail(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    { reason, metered }: AttemptEnd,
  ): Promise<boolean> {
    const attempt = this.#owned(ref, attemptNumber, fence)?.attempt;
    if (attempt?.phase === "failed") return true;
    if (!attempt || !isLive(attempt.phase)) return false;
    Object.assign(attempt, { phase: "failed", reason, metered });
    this.#releaseIfFree(ref, metered);
    return true;
  }

  override async release(
    ref: RequestRef,
    attemptNumber: number,
    fence: number,
    metered: CostMetered,
  ): Promise<boolean> {
    const attempt = this.#owned(ref, attemptNumber, fence)?.attempt;
    if (attempt?.phase === "released") return true;
    if (attempt?.phase !== "held") return false;
    Object.assign(attempt, { phase: "released", reason: metered.reason, metered });
    this.#releaseIfFree(ref, metered);
    return true;
  }

  #attemptsBefore(ref: AdmittedRef): number {
    const known = this.#requests.find(ref)?.attemptsBefore ?? null;
    return known ?? this.#requests.budgets.epochAfter(ref.tenant, ref.admittedAt) * attemptsMax;
  }

  #reserve(tenant: string, reservation: AttemptReservation): Shortage | null {
    const { attemptId, dispatchedId, variant, worstCaseNanoUsd, windows } = reservation;
    const option = { candidate: { variant, worstCaseNanoUsd }, windows };
    return this.#requests.budgets.claim({ tenant, attemptId, dispatchedId, option });
  }

  #releaseIfFree({ tenant }: RequestRef, metered: CostMetered | null): void {
    if (metered && costsNothing(metered))
      this.#requests.budgets.releaseClaimed(tenant, metered.attemptId);
  }

  /** Returns undefined if the fence is no longer valid. */
  #owned(ref: RequestRef, attemptNumber: number, fence: number): Owned | undefined {
    const request = this.#requests.find(ref);
    const attempt = request?.attempts.get(attemptNumber);
    return request && attempt?.fence === fence ? { request, attempt } : undefined;
  }
}

interface Owned {
  readonly request: StoredRequest;
  readonly attempt: StoredAttempt;
}

/** @param index the number of the attempt among those that the request has, from 1 */
function isNext(request: StoredRequest, index: number): boolean {
  if (index < 1 || index > attemptsMax) return false;
  if (index === 1) return true;
  const before = [...request.attempts.values()][index - 2];
  return before !== undefined && !isLive(before.phase);
}
