import { isDeepStrictEqual } from "node:util";
import type {
  CostMetered,
  InferenceAdmitted,
  InferenceResponded,
  OutcomeKind,
  ReplyMode,
} from "@sluice/contracts";
import { InMemoryBudgets } from "@sluice/budgets";
import { type Clock, type EpochMillis, partitionKeyOf, SystemClock } from "@sluice/domain";
import type { AttemptPhase, AttemptState, ClaimedBy, RequestRef } from "../ports.ts";
import { readersMax } from "../limits.ts";
import type { ReplyToken, TokenPlace } from "../token-order.ts";
import { WaitingReaders } from "../waiting-readers.ts";

export interface StoredAttempt {
  /** The epoch of the budgets at the claim. */
  epoch: number | null;
  phase: AttemptPhase;
  owner: string;
  fence: number;
  leaseUntil: EpochMillis;
  metered: CostMetered | null;
  reason: string | null;
}

export interface StoredRequest {
  bodyHash: string | null;
  /** Without its body. null after a claim of a lost request. */
  record: InferenceAdmitted | null;
  acknowledged: boolean;
  reply: ReplyMode;
  cancelled: boolean;
  /** null until the outcome is set. Kept after the answer has expired; `published` once all usage is acknowledged too. */
  outcomeBy: ClaimedBy | `attempt-${number}` | "published" | null;
  outcomeKind: OutcomeKind | null;
  answer: InferenceResponded | null;
  answerExpiresAt: EpochMillis | null;
  /** How many numbers of attempts are not used; null until an attempt is claimed. */
  attemptsBefore: number | null;
  /** None once the outcome and all usage are published. */
  readonly attempts: Map<number, StoredAttempt>;
  readonly tokens: ReplyToken[];
  /** Kept after the tokens have expired. */
  lastToken: TokenPlace | null;
  /** The clients that wait for the reply. */
  readonly readers: Set<string>;
  /** Whether there were too many to count. */
  hasUncountedReaders: boolean;
}

/** The state that the fakes share, as Redis holds it for the adapters. Of the times to live, only that of the answer is kept. */
export class InMemoryRequests {
  readonly clock: Clock;
  readonly budgets: InMemoryBudgets;
  readonly readers = new WaitingReaders();
  readonly joins = new Map<string, { readonly requestId: string; readonly until: EpochMillis }>();
  readonly #requests = new Map<string, StoredRequest>();
  /** When the slot of each request ends, by the limit that gives the slots. */
  readonly #slots = new Map<string, Map<string, EpochMillis>>();

  constructor(
    clock: Clock = new SystemClock(),
    budgets = new InMemoryBudgets(clock, { kind: "ready" }),
  ) {
    this.clock = clock;
    this.budgets = budgets;
  }

  keyOf({ tenant, requestId }: RequestRef): string {
    return partitionKeyOf(tenant, requestId);
  }

  find(ref: RequestRef): StoredRequest | undefined {
    return this.#requests.get(this.keyOf(ref));
  }

  /** Creates the request if it is unknown, because a claim may be for a request that the store has lost. */
  findOrCreate(ref: RequestRef): StoredRequest {
    const found = this.find(ref);
    if (found) return found;
    const created: StoredRequest = {
      bodyHash: null,
      record: null,
      acknowledged: false,
      reply: "none",
      cancelled: false,
      outcomeBy: null,
      outcomeKind: null,
      answer: null,
      answerExpiresAt: null,
      attemptsBefore: null,
      attempts: new Map(),
      tokens: [],
      lastToken: null,
      readers: new Set(),
      hasUncountedReaders: false,
    };
    this.#requests.set(this.keyOf(ref), created);
    return created;
  }

  /** Returns the requests that have one of the slots. */
  slotsOf(name: string): ReadonlyMap<string, EpochMillis> {
    const slots = this.#slots.get(name) ?? new Map<string, EpochMillis>();
    for (const [key, until] of slots) if (until <= this.clock.now()) slots.delete(key);
    return slots;
  }

  holdSlot(ref: RequestRef, name: string, until: EpochMillis): void {
    const slots = this.#slots.get(name) ?? new Map<string, EpochMillis>();
    this.#slots.set(name, slots.set(this.keyOf(ref), until));
  }

  holdsSlots(ref: RequestRef): boolean {
    return [...this.#slots.keys()].some((name) => this.slotsOf(name).has(this.keyOf(ref)));
  }

  giveBack(ref: RequestRef): void {
    for (const slots of this.#slots.values()) slots.delete(this.keyOf(ref));
  }

  answerOf(request: StoredRequest): InferenceResponded | null {
    const { answerExpiresAt } = request;
    if (answerExpiresAt !== null && answerExpiresAt <= this.clock.now()) return null;
    return request.answer;
  }

  /** Removes the answer, as its expiry would. For tests. */
  forgetAnswer(ref: RequestRef): void {
    this.findOrCreate(ref).answer = null;
  }

  /** Removes the tokens that are stored so far, as their expiry would. For tests. */
  forgetTokens(ref: RequestRef): void {
    this.findOrCreate(ref).tokens.length = 0;
  }

  /** Removes the request, as a loss of Redis would. For tests. */
  forget(ref: RequestRef): void {
    this.#requests.delete(this.keyOf(ref));
  }

  setOutcome(
    ref: RequestRef,
    outcome: InferenceResponded,
    by: NonNullable<StoredRequest["outcomeBy"]>,
  ): void {
    const request = this.findOrCreate(ref);
    request.outcomeBy = by;
    request.outcomeKind = outcome.outcome;
    request.answer = outcome;
    this.giveBack(ref);
    this.readers.notify(this.keyOf(ref));
  }

  stateOf(number: number, attempt: StoredAttempt, owner?: string): AttemptState {
    const { phase, metered, reason } = attempt;
    return { number, phase, leaseLeftMs: this.leaseLeftMs(attempt, owner), metered, reason };
  }

  leaseLeftMs(attempt: StoredAttempt, owner?: string): number {
    const { phase, leaseUntil } = attempt;
    if (phase === "held" && attempt.owner === owner) return 0;
    return isLive(phase) ? Math.max(0, leaseUntil - this.clock.now()) : 0;
  }
}

/** Counts a reader. */
export function enter(request: StoredRequest, readerId: string): void {
  request.readers.add(readerId);
  request.hasUncountedReaders ||= request.readers.size > readersMax;
}

export function isLive(phase: AttemptPhase | undefined): boolean {
  return phase === "held" || phase === "calling";
}

export function isSameOutcome(one: InferenceResponded, other: InferenceResponded): boolean {
  return isDeepStrictEqual(one, other);
}
