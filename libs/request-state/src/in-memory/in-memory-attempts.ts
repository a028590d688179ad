import type { CostMetered } from "@sluice/contracts";
import {
  type StoredAttempt,
  type InMemoryRequests,
  isLive,
  type StoredRequest,
} from "./in-memory-requests.ts";
import { attemptsMax } from "../limits.ts";
import {
  type Append,
  type AttemptClaim,
  type AttemptEnd,
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

  override async history(ref: RequestRef, owner?: string): Promise<RequestHistory> {
    const request = this.#requests.find(ref);
    const outcome = request ? this.#requests.answerOf(request) : null;
    const attempts = [...(request?.attempts ?? [])];
    return {
      outcome,
      answerGone: (request?.outcomeBy ?? null) !== null && outcome === null,
      cancelled: request?.cancelled ?? false,
      replyBegan: (request?.lastToken ?? null) !== null,
      attempts: attempts.map(([number, attempt]) => this.#requests.stateOf(number, attempt, owner)),
    };
  }

  override async begin(ref: RequestRef, owner: string, leaseMs: number): Promise<number | null> {
    const request = this.#requests.find(ref);
    if (request?.cancelled || request?.attempts.has(1)) return null;
    const claim = await this.claim(ref, 1, owner, leaseMs);
    return claim.kind === "held" ? claim.fence : null;
  }

  override async claim(
    ref: RequestRef,
    attemptNumber: number,
    owner: string,
    leaseMs: number,
  ): Promise<AttemptClaim> {
    const request = this.#requests.findOrCreate(ref);
    if (request.outcomeBy !== null)
      return { kind: "outcome-set", outcome: this.#requests.answerOf(request) };
    if (!isNext(request, attemptNumber)) return { kind: "not-next" };

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
    const leaseUntil = this.#requests.clock.now() + leaseMs;
    const held: StoredAttempt = {
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
    owned.attempt.phase = "calling";
    owned.attempt.leaseUntil = this.#requests.clock.now() + leaseMs;
    return true;
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
    return true;
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

function isNext(request: StoredRequest, attemptNumber: number): boolean {
  if (attemptNumber < 1 || attemptNumber > attemptsMax) return false;
  if (attemptNumber === 1) return true;
  const before = request.attempts.get(attemptNumber - 1);
  return before !== undefined && !isLive(before.phase);
}
