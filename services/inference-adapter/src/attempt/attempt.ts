import {
  type Answer,
  type Candidate,
  type CostMetered,
  type InferenceAttempted,
  type InferenceDispatched,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { type Clock, type EpochMillis, TransientFault } from "@sluice/domain";
import {
  type Attempts,
  type AttemptState,
  refOf,
  refOfAdmitted,
  type RequestRef,
} from "@sluice/request-state";
import {
  type EventProducer,
  type Deferral,
  outgoing,
  type TraceHeaders,
  defer,
} from "@sluice/stage";
import { completedOutcomeOf } from "./completed.ts";
import { completedUsage } from "./estimate.ts";
import { encodeFailure, type FailureCode, retryAtOf } from "../decide/failure.ts";
import type { AdapterFaultCode } from "../faults.ts";
import { Lease } from "./lease.ts";
import { LiveReply } from "./live-reply.ts";
import { intentOf, meteredOf, meteredZero } from "./metering.ts";
import type { AdapterMetrics } from "../metrics.ts";
import { persistently } from "./persistently.ts";
import type { TokenCounter } from "./ports.ts";
import type { Provider, ProviderBody, ProviderEnd } from "../providers/provider.ts";
import { bodyOf } from "../providers/openai/provider-body.ts";
import type { ProviderGates } from "../providers/provider-gates.ts";

export interface AttemptSettings {
  /** Names this process in the attempt record. */
  readonly owner: string;
  readonly leaseMs: number;
  /** How often a live call renews its lease, which also tells that the client has gone. */
  readonly liveRenewMs: number;
}

export interface AttemptParts {
  readonly attempts: Attempts;
  readonly producer: EventProducer;
  readonly provider: Provider;
  readonly gates: ProviderGates;
  readonly counter: TokenCounter;
  readonly clock: Clock;
  readonly metrics: AdapterMetrics;
  readonly settings: AttemptSettings;
}

export interface AttemptOrder {
  readonly dispatched: InferenceDispatched;
  readonly number: number;
  readonly candidate: Candidate;
  /** Provider calls made for the request before. */
  readonly callsBefore: number;
  /** Nothing is known of the request but its admission; {@link Attempts.begin} finds out whether that is so. */
  readonly isFirst?: boolean;
  /** Of the dispatch's message; told to the provider too. */
  readonly trace: TraceHeaders;
  /** The process ends: what runs is left to the lease. */
  readonly stopping: AbortSignal;
}

/** An attempt that is ours. */
interface Held extends AttemptOrder {
  readonly ref: RequestRef;
  readonly fence: number;
  readonly intent: InferenceAttempted;
}

/** What the record now says of an attempt that brought an answer. */
export interface Finished {
  readonly kind: "finished";
  readonly attempt: AttemptState;
  /** The outcome that stands, ours or an earlier one. */
  readonly outcome: InferenceResponded;
}

interface Called {
  readonly end: ProviderEnd;
  readonly calledAt: EpochMillis;
}

/**
 * Makes attempts, each in one order of effects: claim as held; the intent
 * acknowledged by all in-sync replicas; calling; the socket; the record. What is
 * published of it is what the record says, by whoever comes first afterwards.
 */
export class AttemptRunner {
  readonly #parts: AttemptParts;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /**
   * @returns how long to wait, what to publish, or null when the history says what is next.
   * @throws TransientFault when broker or Redis cannot be asked, or `ADAPTER_STOPPING`;
   *   PermanentFault `ADAPTER_REQUEST_UNREADABLE`, before anything is claimed
   */
  async run(order: AttemptOrder): Promise<Deferral | Finished | null> {
    const { attempts, producer, clock } = this.#parts;
    const { dispatched, candidate, number, trace, stopping } = order;
    const body = bodyOf(dispatched.admitted.request, candidate, isLive(dispatched));
    const claimed = order.isFirst ? await this.#begin(order) : await this.#claim(order);
    if (typeof claimed !== "number") return claimed;
    const intent = intentFor(order, clock.now());
    const held: Held = { ...order, ref: refOf(intent), fence: claimed, intent };
    await producer.send([outgoing(topics.inferenceAttempted, intent, trace)]);
    if (clock.now() >= dispatched.admitted.deadlineAt) return this.#release(held);
    const { ref, fence } = held;
    if (!(await persistently(() => attempts.calling(ref, number, fence), stopping))) return null;
    return this.#callAndRecord(held, body);
  }

  /** Closes the intent of an attempt whose owner died before it called. */
  async release(order: AttemptOrder): Promise<Deferral | null> {
    const claimed = await this.#claim(order);
    if (typeof claimed !== "number") return claimed;
    const intent = intentFor(order, this.#parts.clock.now());
    return this.#release({ ...order, ref: refOf(intent), fence: claimed, intent });
  }

  /** Has the record say that nobody knows whether this attempt was paid. */
  async doubt(order: AttemptOrder): Promise<Deferral | null> {
    const claimed = await this.#claim(order);
    return typeof claimed === "number" ? null : claimed;
  }

  async #begin({ dispatched }: AttemptOrder): Promise<number | null> {
    const { attempts, settings } = this.#parts;
    return attempts.begin(refOfAdmitted(dispatched.admitted), settings.owner, settings.leaseMs);
  }

  /** The fence, or what to do without it. */
  async #claim({ dispatched, number }: AttemptOrder): Promise<number | Deferral | null> {
    const { attempts, settings } = this.#parts;
    const ref = refOfAdmitted(dispatched.admitted);
    const claim = await attempts.claim(ref, number, settings.owner, settings.leaseMs);
    if (claim.kind === "held") return claim.fence;
    return claim.kind === "busy" ? defer(claim.leaseLeftMs, "another owner's lease runs") : null;
  }

  async #release({ ref, number, fence, intent, candidate, stopping }: Held): Promise<null> {
    const { attempts, clock, metrics } = this.#parts;
    const zero = meteredZero(intent, "released", intent.attemptedAt, clock.now());
    await persistently(() => attempts.release(ref, number, fence, zero), stopping);
    metrics.closed(candidate, "released");
    return null;
  }

  async #callAndRecord(held: Held, body: ProviderBody): Promise<Finished | null> {
    const { attempts, settings, metrics } = this.#parts;
    const { dispatched, ref, number, fence } = held;
    const live = isLive(dispatched);
    const goneOrLate = new AbortController();
    const lease = new Lease({
      renew: () => attempts.renew(ref, number, fence, settings.leaseMs),
      everyMs: live ? settings.liveRenewMs : Math.floor(settings.leaseMs / 3),
      // A whole answer is billed in full whoever reads it: its usage is worth waiting for.
      onCancelled: () => live && goneOrLate.abort(),
      onFenced: () => metrics.fenced(),
    });
    try {
      const called = await this.#call(held, body, goneOrLate);
      return await this.#record(held, called);
    } finally {
      lease.end();
    }
  }

  async #call(held: Held, body: ProviderBody, goneOrLate: AbortController): Promise<Called> {
    const { provider, gates, clock, metrics } = this.#parts;
    const { dispatched, candidate, intent, trace, stopping } = held;
    const reply = isLive(dispatched) ? this.#replyOf(held, goneOrLate) : null;
    const calledAt = clock.now();
    const late = setTimeout(() => goneOrLate.abort(), intent.deadlineAt - calledAt);
    const keyIndex = gates.begin(candidate, calledAt);
    const startedAt = performance.now();
    metrics.callBegan();
    const end = await provider.call(
      {
        provider: candidate.provider,
        keyIndex,
        attemptId: intent.attemptId,
        trace,
        operation: dispatched.admitted.request.operation,
        body,
        answers: dispatched.dispatch.answers,
        signal: AbortSignal.any([goneOrLate.signal, stopping]),
      },
      (chunk) => reply?.add(chunk),
    );
    clearTimeout(late);
    metrics.callEnded(candidate, end, (performance.now() - startedAt) / 1_000);
    gates.ended(candidate, keyIndex, end, clock.now());
    if (stopping.aborted && end.kind !== "answered") throw stoppingFault();
    await reply?.drain();
    return { end, calledAt };
  }

  #replyOf(
    { candidate, dispatched, ref, number, fence, stopping }: Held,
    gone: AbortController,
  ): LiveReply {
    const { attempts } = this.#parts;
    return new LiveReply({
      candidate,
      cache: dispatched.lookup.result,
      append: (sequence, payload) => attempts.append(ref, number, fence, sequence, payload),
      onCancelled: () => gone.abort(),
      signal: stopping,
    });
  }

  async #record(held: Held, { end, calledAt }: Called): Promise<Finished | null> {
    const { clock } = this.#parts;
    switch (end.kind) {
      case "answered":
        return this.#finish(held, end, calledAt);
      case "refused": {
        const zero = meteredZero(held.intent, "refused", calledAt, clock.now());
        return this.#fail(held, end, zero);
      }
      case "unusable": {
        const seen = { answer: null, usage: end.usage, reason: "answered" } as const;
        const metered = await this.#metered(held, seen, calledAt);
        return this.#fail(held, { ...end, status: null, retryAfterMs: null }, metered);
      }
      case "cut": {
        const cut = { answer: end.answer, usage: null, reason: "cut" } as const;
        const metered = await this.#metered(held, cut, calledAt);
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
  ): Promise<Finished | null> {
    const { attempts, clock } = this.#parts;
    const { ref, number, fence, stopping } = held;
    const metered = await this.#metered(held, { ...answered, reason: "answered" }, calledAt);
    const outcome = completedOutcomeOf(held, answered.answer, metered, clock.now());
    const finish = await persistently(
      () => attempts.finish(ref, number, fence, { metered, outcome }),
      stopping,
    );
    if (finish.kind === "fenced") await this.#closeFenced(held, metered);
    this.#count(held, metered);
    if (finish.kind !== "won" && finish.kind !== "lost") return null;
    const attempt = { number, phase: "finished", leaseLeftMs: 0, metered, reason: null } as const;
    return { kind: "finished", attempt, outcome: finish.outcome };
  }

  async #fail(
    held: Held,
    failure: {
      readonly code: FailureCode;
      readonly status: number | null;
      readonly retryAfterMs: number | null;
    },
    metered: CostMetered | null,
  ): Promise<null> {
    const { attempts, clock } = this.#parts;
    const { ref, number, fence, candidate, stopping } = held;
    const reason = encodeFailure({
      code: failure.code,
      variant: candidate.variant,
      status: failure.status,
      retryAt: retryAtOf(failure, number, clock.now()),
    });
    const ours = await persistently(
      () => attempts.fail(ref, number, fence, { reason, metered }),
      stopping,
    );
    if (!ours && metered) await this.#closeFenced(held, metered);
    this.#count(held, metered);
    return null;
  }

  async #metered(
    { intent, dispatched }: Held,
    seen: Pick<Extract<ProviderEnd, { kind: "answered" }>, "usage"> & {
      /** null where there is none that could be counted. */
      readonly answer: Answer | null;
      readonly reason: "answered" | "cut";
    },
    calledAt: EpochMillis,
  ): Promise<CostMetered> {
    const { counter, clock } = this.#parts;
    const { usage: reported, answer, reason } = seen;
    const completed = await completedUsage(
      reported?.usage ?? null,
      dispatched.admitted.request,
      answer,
      counter,
    );
    const raw = reported?.raw ?? null;
    return meteredOf(intent, { calledAt, meteredAt: clock.now(), raw, reason, ...completed });
  }

  /** The record is another's now, but what is known closes the intent exactly, whoever publishes it. */
  async #closeFenced({ trace }: Held, metered: CostMetered): Promise<void> {
    await this.#parts.producer.send([outgoing(topics.costMetered, metered, trace)]);
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

function stoppingFault(): TransientFault {
  const code: AdapterFaultCode = "ADAPTER_STOPPING";
  return new TransientFault(code, "The process ends; the attempt is left to its lease.");
}
