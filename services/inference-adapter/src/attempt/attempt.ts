import {
  type Answer,
  type Candidate,
  type CostMetered,
  type InferenceAttempted,
  type InferenceDispatched,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import type { Clock, EpochMillis } from "@sluice/domain";
import {
  type AttemptReservation,
  type Attempts,
  type AttemptState,
  refOf,
  refOfAdmitted,
  type RequestRef,
} from "@sluice/request-state";
import { type EventProducer, type Deferral, outgoing } from "@sluice/stage";
import { completedOutcomeOf } from "./outcome.ts";
import { completedUsage } from "./estimate.ts";
import { encodeFailure, type FailureCode, retryAtOf } from "../decide/failure.ts";
import type { AttemptOrder } from "./attempt-order.ts";
import {
  type BudgetRefused,
  type Claimed,
  claimedOf,
  type Recorded,
  recorded,
  reservationFor,
} from "./claimed.ts";
import { EarlyEnd } from "./early-end.ts";
import { Lease } from "./lease.ts";
import { LiveReply } from "./live-reply.ts";
import { intentOf, meteringOf, zeroMeteringOf } from "./metering.ts";
import type { AdapterMetrics } from "../metrics.ts";
import { persistently } from "./persistently.ts";
import type { TokenCounter } from "@sluice/tokens";
import { countsOutput } from "../providers/answer/answer-part.ts";
import type { Provider, ProviderBody, ProviderEnd } from "../providers/provider.ts";
import type { ProviderBreakers } from "../providers/provider-breakers.ts";

export interface AttemptSettings {
  readonly leaseMs: number;
  /** How often a live call renews its lease. Each renewal also reports whether the client has left. */
  readonly liveRenewMs: number;
}

export interface AttemptParts {
  readonly attempts: Attempts;
  readonly producer: EventProducer;
  readonly provider: Provider;
  readonly breakers: ProviderBreakers;
  readonly counter: TokenCounter;
  readonly clock: Clock;
  readonly metrics: AdapterMetrics;
  /** Whether the model reasons without showing it, see {@link Variant.hidesReasoning}. */
  readonly hidesReasoning: (candidate: Candidate) => boolean;
  /** Returns the version of the declarations. */
  readonly version: () => bigint;
  readonly settings: AttemptSettings;
}

/** An attempt that this process has claimed. */
interface Held extends AttemptOrder {
  readonly ref: RequestRef;
  readonly fence: number;
  readonly intent: InferenceAttempted;
  /** Before the claim was sent. */
  readonly claimedAt: EpochMillis;
}

/** An attempt that brought an answer, as the record holds it. */
export interface Finished {
  readonly kind: "finished";
  readonly attempt: AttemptState;
  /** The outcome of the request: this attempt's, or the one that was set before. */
  readonly outcome: InferenceResponded;
}

interface Called {
  readonly end: ProviderEnd;
  readonly calledAt: EpochMillis;
}

/**
 * Makes attempts. Each has the same order of effects: claim the attempt as held; wait until all
 * in-sync replicas have acknowledged the intent; mark it as calling; call the provider; write the
 * record. Only the record is published afterwards, by this process or by one that takes over.
 */
export class AttemptRunner {
  readonly #parts: AttemptParts;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /**
   * Makes one attempt.
   *
   * @throws TransientFault if Kafka or Redis is unavailable; PermanentFault
   *   `ADAPTER_REQUEST_UNREADABLE`, before anything is claimed
   */
  async run(order: AttemptOrder): Promise<Finished | Deferral | Recorded | BudgetRefused> {
    const { producer, provider, clock } = this.#parts;
    const { dispatched, candidate, trace } = order;
    const body = provider.bodyOf(dispatched.admitted.request, candidate, isLive(dispatched));
    const need = reservationFor(order);
    const claimedAt = clock.now();
    const claimed =
      order.record === "unread" ? await this.#begin(order, need) : await this.#claim(order, need);
    if (claimed.kind !== "claimed") return claimed;
    const intent = intentFor(order, clock.now());
    const held: Held = { ...order, ref: refOf(intent), fence: claimed.fence, intent, claimedAt };
    const early = new EarlyEnd(this.#parts.hidesReasoning(candidate));
    const lease = this.#leaseOf(held, early);
    const isOver = () =>
      clock.now() >= dispatched.admitted.deadlineAt || early.hasLeft || held.stopping.aborted;
    try {
      await producer.send([outgoing(topics.inferenceAttempted, intent, trace)]);
      if (isOver()) return await this.#release(held);
      if (!(await this.#mayCall(held))) return await this.#closeLost(held);
      // The wait for Redis may have been long. What is not sent costs nothing, and must not be estimated.
      if (isOver()) return await this.#notSent(held);
      const called = await this.#call(held, body, early);
      return await this.#record(held, called);
    } finally {
      lease.end();
    }
  }

  /** Closes the intent of an attempt whose owner stopped before it called the provider. */
  async release(order: AttemptOrder): Promise<Deferral | Recorded> {
    const claimedAt = this.#parts.clock.now();
    const claimed = await this.#claim(order, null);
    if (claimed.kind === "budget-refused") return recorded;
    if (claimed.kind !== "claimed") return claimed;
    const intent = intentFor(order, this.#parts.clock.now());
    return this.#release({ ...order, ref: refOf(intent), fence: claimed.fence, intent, claimedAt });
  }

  /**
   * Records that it is not known whether this attempt was paid for. The claim does so, and fences
   * its owner.
   */
  async doubt(order: AttemptOrder): Promise<Deferral | Recorded> {
    const claimed = await this.#claim(order, null);
    return claimed.kind === "wait" ? claimed : recorded;
  }

  async #begin(
    { dispatched, owner }: AttemptOrder,
    need: AttemptReservation | null,
  ): Promise<Claimed> {
    const { attempts, settings } = this.#parts;
    const ref = refOfAdmitted(dispatched.admitted);
    const claim = await attempts.begin(ref, owner, settings.leaseMs, need);
    return claim === null ? recorded : claimedOf(claim);
  }

  async #claim(
    { dispatched, number, owner }: AttemptOrder,
    need: AttemptReservation | null,
  ): Promise<Claimed> {
    const { attempts, settings } = this.#parts;
    const ref = refOfAdmitted(dispatched.admitted);
    return claimedOf(await attempts.claim(ref, number, owner, settings.leaseMs, need));
  }

  async #release(held: Held): Promise<Recorded> {
    const { ref, number, fence, intent, candidate, stopping } = held;
    const { attempts, clock, metrics } = this.#parts;
    const zero = zeroMeteringOf(intent, "released", intent.attemptedAt, clock.now());
    const isOurs = await persistently(() => attempts.release(ref, number, fence, zero), stopping);
    if (!isOurs) return this.#closeLost(held);
    metrics.closed(candidate, "released");
    return recorded;
  }

  /**
   * Closes the intent of an attempt that this process may not continue. If another owner has it, that one closes it. If
   * Redis has lost it, nothing else would, and the sweep would estimate a call that was never made. Within the first lease
   * no other owner can have made the call before the loss.
   */
  async #closeLost({ ref, number, intent, claimedAt, trace, candidate }: Held): Promise<Recorded> {
    const { attempts, producer, clock, metrics, settings } = this.#parts;
    const now = clock.now();
    if (now - claimedAt >= settings.leaseMs || !(await attempts.hasLost(ref, number)))
      return recorded;
    const zero = zeroMeteringOf(intent, "released", now, now);
    await producer.send([outgoing(topics.costMetered, zero, trace)]);
    metrics.closed(candidate, "released");
    return recorded;
  }

  async #notSent(held: Held): Promise<Recorded> {
    const now = this.#parts.clock.now();
    const zero = zeroMeteringOf(held.intent, "released", now, now);
    return this.#fail(held, { code: "aborted", status: null, retryAfterMs: null }, zero);
  }

  async #mayCall({ ref, number, fence, stopping }: Held): Promise<boolean> {
    const { attempts, settings } = this.#parts;
    return persistently(() => attempts.calling(ref, number, fence, settings.leaseMs), stopping);
  }

  #leaseOf({ dispatched, ref, number, fence }: Held, early: EarlyEnd): Lease {
    const { attempts, settings } = this.#parts;
    const live = isLive(dispatched);
    return new Lease({
      renew: () => attempts.renew(ref, number, fence, settings.leaseMs),
      everyMs: live ? settings.liveRenewMs : Math.floor(settings.leaseMs / 3),
      // A provider bills a whole answer in full even if the client has left, so its usage is awaited.
      onCancelled: () => live && early.leave(),
    });
  }

  async #call(held: Held, body: ProviderBody, early: EarlyEnd): Promise<Called> {
    const { provider, breakers, clock, metrics } = this.#parts;
    const { dispatched, candidate, intent, trace, stopping } = held;
    const reply = isLive(dispatched) ? this.#replyOf(held, early) : null;
    const calledAt = clock.now();
    const late = setTimeout(() => early.expire(), intent.deadlineAt - calledAt);
    const keyIndex = breakers.begin(candidate, calledAt);
    const startedAt = performance.now();
    metrics.callBegan();
    const end = await provider.call(
      {
        provider: candidate.provider,
        model: candidate.model,
        keyIndex,
        attemptId: intent.attemptId,
        trace,
        operation: dispatched.admitted.request.operation,
        body,
        stream: reply !== null,
        answers: dispatched.dispatch.answers,
        signal: early.signalWith(stopping),
      },
      (parts) => (early.hasLeft ? undefined : reply?.add(parts)),
    );
    clearTimeout(late);
    metrics.callEnded(candidate, end, (performance.now() - startedAt) / 1_000);
    breakers.ended(candidate, keyIndex, end, clock.now());
    await reply?.drain();
    return { end, calledAt };
  }

  #replyOf(
    { candidate, dispatched, ref, number, fence, stopping }: Held,
    early: EarlyEnd,
  ): LiveReply {
    const { attempts } = this.#parts;
    return new LiveReply({
      candidate,
      cache: dispatched.lookup.result,
      append: (sequence, payload) => attempts.append(ref, number, fence, sequence, payload),
      onCancelled: () => early.leave(),
      signal: stopping,
    });
  }

  async #record(held: Held, { end, calledAt }: Called): Promise<Finished | Recorded> {
    const { clock } = this.#parts;
    switch (end.kind) {
      case "answered":
        return this.#finish(held, end, calledAt);
      case "refused": {
        const zero = zeroMeteringOf(held.intent, "refused", calledAt, clock.now());
        return this.#fail(held, end, zero);
      }
      case "unusable": {
        // A page of a proxy shows that the provider was not asked.
        if (end.code === "answer_unreadable" && end.usage === null) {
          const zero = zeroMeteringOf(held.intent, "refused", calledAt, clock.now());
          return this.#fail(held, { ...end, status: null, retryAfterMs: null }, zero);
        }
        const result = { answer: null, usage: end.usage, reason: "answered" } as const;
        const metered = await this.#meter(held, result, calledAt);
        return this.#fail(held, { ...end, status: null, retryAfterMs: null }, metered);
      }
      case "cut": {
        // What was seen says nothing about hidden reasoning, so the sweep estimates the most that it can be.
        const isUnknown = !countsOutput(end.usage) && this.#parts.hidesReasoning(held.candidate);
        if (isUnknown) return this.#fail(held, { ...end, status: null, retryAfterMs: null }, null);
        const result = { answer: end.answer, usage: end.usage, reason: "cut" } as const;
        const metered = await this.#meter(held, result, calledAt);
        return this.#fail(held, { ...end, status: null, retryAfterMs: null }, metered);
      }
      case "lost":
        return this.#fail(held, { ...end, status: null, retryAfterMs: null }, null);
      default:
        return end satisfies never;
    }
  }

  async #finish(
    held: Held,
    answered: Extract<ProviderEnd, { kind: "answered" }>,
    calledAt: EpochMillis,
  ): Promise<Finished | Recorded> {
    const { attempts, clock } = this.#parts;
    const { ref, number, fence, stopping } = held;
    const metered = await this.#meter(held, { ...answered, reason: "answered" }, calledAt);
    const outcome = completedOutcomeOf(held, answered.answer, metered, {
      now: clock.now(),
      version: this.#parts.version(),
    });
    const finish = await persistently(
      () => attempts.finish(ref, number, fence, { metered, outcome }),
      stopping,
    );
    if (finish.kind === "fenced") await this.#noteFenced(held, metered);
    this.#count(held, metered);
    if (finish.kind !== "won" && finish.kind !== "lost") return recorded;
    const attempt = { number, phase: "finished", leaseLeftMs: 0, metered, reason: null } as const;
    return { kind: "finished", attempt, outcome: finish.outcome };
  }

  async #fail(
    held: Held,
    failure: {
      readonly code: FailureCode;
      readonly status: number | null;
      readonly retryAfterMs: number | null;
      readonly words?: string | undefined;
      readonly param?: string | undefined;
    },
    metered: CostMetered | null,
  ): Promise<Recorded> {
    const { attempts, clock } = this.#parts;
    const { ref, number, fence, candidate, stopping } = held;
    const reason = encodeFailure({
      code: failure.code,
      variant: candidate.variant,
      status: failure.status,
      retryAt: retryAtOf(failure, number, clock.now()),
      words: failure.words,
      param: failure.param,
    });
    const isOurs = await persistently(
      () => attempts.fail(ref, number, fence, { reason, metered }),
      stopping,
    );
    if (!isOurs) await this.#noteFenced(held, metered);
    this.#count(held, metered);
    return recorded;
  }

  async #meter(
    { intent, dispatched }: Held,
    result: Pick<Extract<ProviderEnd, { kind: "answered" }>, "usage"> & {
      /** null if there is no text whose tokens could be counted. */
      readonly answer: Answer | null;
      readonly reason: "answered" | "cut";
    },
    calledAt: EpochMillis,
  ): Promise<CostMetered> {
    const { counter, clock } = this.#parts;
    const { usage: reported, answer, reason } = result;
    const completed = await completedUsage(
      reported?.usage ?? null,
      dispatched.admitted.request,
      answer,
      counter,
      reason === "cut",
    );
    const raw = reported?.raw ?? null;
    return meteringOf(intent, { calledAt, meteredAt: clock.now(), raw, reason, ...completed });
  }

  /**
   * Publishes the usage of an attempt that another owner has taken over. This process may no longer
   * write the record, but it knows the usage, which closes the intent exactly.
   */
  async #noteFenced({ trace }: Held, metered: CostMetered | null): Promise<void> {
    this.#parts.metrics.fenced();
    if (metered) await this.#parts.producer.send([outgoing(topics.costMetered, metered, trace)]);
  }

  #count({ candidate }: Held, metered: CostMetered | null): void {
    const { metrics } = this.#parts;
    if (metered === null) return metrics.closed(candidate, "swept");
    metrics.closed(candidate, metered.kind === "estimated" ? "estimated" : "reported");
    metrics.metered(candidate, metered.usage);
  }
}

function intentFor(order: AttemptOrder, now: EpochMillis): InferenceAttempted {
  return intentOf(order.dispatched, order.number, order.candidate, now);
}

function isLive({ admitted }: InferenceDispatched): boolean {
  return admitted.reply === "live";
}
