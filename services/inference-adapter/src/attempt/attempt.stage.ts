import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { Inject, Injectable } from "@nestjs/common";
import type { Shortage } from "@sluice/budgets";
import {
  type Candidate,
  type InferenceDispatched,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { assert, Clock } from "@sluice/domain";
import {
  Attempts,
  notePublished,
  Outcomes,
  refOfAdmitted,
  type RequestHistory,
  respondedMessage,
} from "@sluice/request-state";
import {
  type Delivery,
  type Effect,
  emit,
  type ConcurrentContext,
  ConcurrentStage,
  type Deferral,
  outgoing,
  type Outgoing,
  skip,
  traceIn,
  defer,
} from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { AttemptRunner } from "./attempt.ts";
import type { AttemptOrder } from "./attempt-order.ts";
import { type Recorded, recorded } from "./claimed.ts";
import { refusedOutcomeOf } from "./outcome.ts";
import { intentOf, zeroMeteringOf } from "./metering.ts";
import { callsMade, type End, nextStep, type NextStep } from "../decide/next-step.ts";
import { ProviderBreakers } from "../providers/provider-breakers.ts";

/**
 * Bounds the rounds of one delivery. Four attempts and every step between them need fewer, so a
 * request that reaches the bound is deferred and other requests continue.
 */
const roundsMax = 16;
const deferralMs = 500;

/** What this process has read of a request's record. */
type RecordView =
  | { readonly kind: "unread" }
  | { readonly kind: "read"; readonly history: RequestHistory };

/** What stays the same for all steps of one delivery. */
type Work = Pick<AttemptOrder, "owner" | "dispatched" | "trace" | "stopping"> &
  Pick<ConcurrentContext, "waitedMs"> & {
    /** The variants that a budget refused in this delivery. A later delivery asks again. */
    readonly shortages: Map<string, Shortage>;
  };

/**
 * Brings a request to its end in rounds: it reads the record, decides on one step, and takes it.
 * The record is the only memory, so after a crash between two rounds the redelivery continues.
 */
@Injectable()
@Stage({ on: topics.inferenceDispatchedRealtime, group: "inference-adapter" })
export class AttemptStage extends ConcurrentStage<InferenceDispatched> {
  /** Names this process in attempt records, whose leases outlive it. */
  private readonly processName = `${hostname()}/${process.pid}/${randomUUID()}`;

  constructor(
    private readonly attempts: Attempts,
    private readonly outcomes: Outcomes,
    private readonly runner: AttemptRunner,
    private readonly breakers: ProviderBreakers,
    private readonly clock: Clock,
    @Inject(Declarations) private readonly declarations: Pick<Declarations, "version">,
  ) {
    super();
  }

  override async handle(
    { record: dispatched, headers, partition, offset }: Delivery<InferenceDispatched>,
    { stopping, waitedMs }: ConcurrentContext,
  ): Promise<Effect | Deferral> {
    const ref = refOfAdmitted(dispatched.admitted);
    const owner = `${this.processName}/${partition}/${offset}`;
    const trace = traceIn(headers);
    const work: Work = { owner, dispatched, trace, stopping, waitedMs, shortages: new Map() };
    const begun = await this.begin(work);
    if (begun.kind !== "recorded") return begun;
    for (let round = 0; round < roundsMax && !stopping.aborted; round += 1) {
      const history = await this.attempts.history(ref, owner);
      const step = this.stepAfter(work, history);
      const taken = await this.take(step, work, history);
      if (taken.kind !== "recorded") return taken;
    }
    return defer(deferralMs, "the request has not ended yet");
  }

  /** Notes that the outcome is published, so that its stored answer may begin to expire. */
  override async settled(_delivery: Delivery<InferenceDispatched>, effect: Effect): Promise<void> {
    await notePublished(this.outcomes, [effect]);
  }

  /**
   * Begins the first attempt without reading the record. Most requests have no record but their
   * admission at this point, so this saves a round trip; the store refuses if there is more.
   */
  private async begin(work: Work): Promise<Effect | Deferral | Recorded> {
    const step = this.stepAfter(work, emptyHistory);
    return step.kind === "attempt" ? this.attempt(step, work, { kind: "unread" }) : recorded;
  }

  private stepAfter({ dispatched, waitedMs, shortages }: Work, history: RequestHistory): NextStep {
    return nextStep({
      dispatched,
      history,
      readyAt: (candidate) => this.breakers.readyAt(candidate),
      restsBecause: (candidate) => this.breakers.restsBecause(candidate),
      waitedMs,
      shortages,
      now: this.clock.now(),
    });
  }

  /** Takes one step. Returns `recorded` if the record has to be read again to choose the next one. */
  private async take(
    step: NextStep,
    work: Work,
    history: RequestHistory,
  ): Promise<Effect | Deferral | Recorded> {
    const { dispatched } = work;
    const view: RecordView = { kind: "read", history };
    switch (step.kind) {
      case "publish":
        return published(dispatched, history, step.outcome, this.clock.now());
      case "nothing":
        return usageOnly(dispatched, history, this.clock.now());
      case "wait":
        return defer(step.waitMs, step.reason);
      case "attempt":
        return this.attempt(step, work, view);
      case "release":
        return this.runner.release(orderOf(work, step.number, firstOf(dispatched), view));
      case "doubt":
        return this.runner.doubt(orderOf(work, step.number, firstOf(dispatched), view));
      case "end":
        await this.end(step, dispatched, history);
        return recorded;
      default:
        return step satisfies never;
    }
  }

  private async attempt(
    { number, candidate }: Extract<NextStep, { kind: "attempt" }>,
    work: Work,
    view: RecordView,
  ): Promise<Effect | Deferral | Recorded> {
    const run = await this.runner.run(orderOf(work, number, candidate, view));
    if (run.kind === "budget-refused") {
      work.shortages.set(candidate.variant, run.shortage);
      return recorded;
    }
    if (run.kind !== "finished") return run;
    const history = historyIn(view);
    const attempts = [
      ...history.attempts.slice(0, run.attempt.number - history.attemptsBefore - 1),
      run.attempt,
    ];
    return published(work.dispatched, { ...history, attempts }, run.outcome, this.clock.now());
  }

  private async end(
    end: End,
    dispatched: InferenceDispatched,
    history: RequestHistory,
  ): Promise<void> {
    const made = { calls: callsMade(history), isAfterLoss: history.attemptsBefore > 0 };
    const outcome = refusedOutcomeOf(dispatched, end, made, {
      now: this.clock.now(),
      version: this.declarations.version(),
    });
    await this.outcomes.claim([outcome], "decision");
  }
}

/** The history of a request that was admitted, and of which nothing else is recorded. */
const emptyHistory: RequestHistory = {
  outcome: null,
  answerGone: false,
  cancelled: false,
  replyBegan: false,
  attempts: [],
  attemptsBefore: 0,
};

function historyIn(view: RecordView): RequestHistory {
  return view.kind === "read" ? view.history : emptyHistory;
}

function orderOf(work: Work, number: number, candidate: Candidate, view: RecordView): AttemptOrder {
  const { shortages: _shortages, waitedMs: _waitedMs, ...order } = work;
  const history = historyIn(view);
  const callsBefore = callsMade(history);
  const isAfterLoss = history.attemptsBefore > 0;
  return { ...order, number, candidate, callsBefore, isAfterLoss, record: view.kind };
}

/**
 * Returns the messages of the outcome and of the metering that closes each intent. Everything comes
 * from the record, so a redelivery publishes the same.
 */
function published(
  dispatched: InferenceDispatched,
  history: RequestHistory,
  outcome: InferenceResponded,
  now: number,
): Effect {
  return emit(...meteringsOf(dispatched, history, now), respondedMessage(outcome));
}

/**
 * Publishes the usage of a request whose outcome was published and has expired. The record holds an
 * attempt only if its usage is not yet acknowledged, and otherwise the sweep would estimate it.
 */
function usageOnly(dispatched: InferenceDispatched, history: RequestHistory, now: number): Effect {
  const meterings = meteringsOf(dispatched, history, now);
  if (meterings.length > 0) return emit(...meterings);
  return skip("the request has ended, and its answer has expired");
}

function meteringsOf(
  dispatched: InferenceDispatched,
  { attempts }: RequestHistory,
  now: number,
): readonly Outgoing[] {
  return attempts.flatMap(({ number, phase, metered }): readonly Outgoing[] => {
    if (metered) return [outgoing(topics.costMetered, metered)];
    if (phase !== "held") return [];
    // No attempt can be called once the outcome is set, so this one costs nothing.
    const intent = intentOf(dispatched, number, firstOf(dispatched), now);
    return [outgoing(topics.costMetered, zeroMeteringOf(intent, "released", now, now))];
  });
}

/**
 * Returns the candidate that an attempt without a call most likely named. Another candidate would
 * not change the charge, because usage of zero has a price of zero.
 */
function firstOf({ dispatch }: InferenceDispatched): Candidate {
  const [first] = dispatch.candidates;
  assert(first, "ADAPTER_NO_CANDIDATE", "The dispatched record has no candidate.");
  return first;
}
