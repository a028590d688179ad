import {
  type Candidate,
  type CostMetered,
  type InferenceDispatched,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
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
  skip,
  traceIn,
  defer,
} from "@sluice/stage";
import { Inject } from "@nestjs/common";
import { type AttemptOrder, AttemptRunner } from "./attempt.ts";
import { refusedOutcomeOf } from "./completed.ts";
import { intentOf, meteredZero } from "./metering.ts";
import { callsMade, type End, nextStep, type NextStep } from "../decide/next-step.ts";
import { ProviderGates } from "../providers/provider-gates.ts";

/** More than four attempts with all that can come between need; then others get their turn. */
const roundsMax = 16;
const breatherMs = 500;

/**
 * Sees a request to its end: reads what is recorded, decides, does one thing,
 * and asks again. All memory is in the record, so a crash between any two
 * rounds is a redelivery that goes on.
 */
export class AttemptStage extends ConcurrentStage<InferenceDispatched> {
  constructor(
    @Inject(Attempts) private readonly attempts: Attempts,
    @Inject(Outcomes) private readonly outcomes: Outcomes,
    @Inject(AttemptRunner) private readonly runner: AttemptRunner,
    @Inject(ProviderGates) private readonly gates: ProviderGates,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    super();
  }

  override async handle(
    delivery: Delivery<InferenceDispatched>,
    { stopping }: ConcurrentContext,
  ): Promise<Effect | Deferral> {
    const ref = refOfAdmitted(delivery.record.admitted);
    const first = this.stepAfter(delivery, nothingYet);
    if (first.kind === "attempt") {
      const said = await this.take(first, delivery, nothingYet, stopping);
      if (said) return said;
    }
    for (let round = 0; round < roundsMax && !stopping.aborted; round += 1) {
      const history = await this.attempts.history(ref);
      const step = this.stepAfter(delivery, history);
      const said = await this.take(step, delivery, history, stopping);
      if (said) return said;
    }
    return defer(breatherMs, "the record did not come to rest");
  }

  /** The outcome is on the log for good: its answer may begin to expire. */
  override async settled(_delivery: Delivery<InferenceDispatched>, effect: Effect): Promise<void> {
    await notePublished(this.outcomes, [effect]);
  }

  private stepAfter(
    { record: dispatched }: Delivery<InferenceDispatched>,
    history: RequestHistory,
  ): NextStep {
    return nextStep({
      dispatched,
      history,
      readyAt: (candidate) => this.gates.readyAt(candidate),
      now: this.clock.now(),
    });
  }

  /** Does one step; null when the record says what is next. */
  private async take(
    step: NextStep,
    { record: dispatched, headers }: Delivery<InferenceDispatched>,
    history: RequestHistory,
    stopping: AbortSignal,
  ): Promise<Effect | Deferral | null> {
    const order = (number: number, candidate: Candidate): AttemptOrder => ({
      dispatched,
      number,
      candidate,
      callsBefore: callsMade(history),
      trace: traceIn(headers),
      stopping,
    });
    switch (step.kind) {
      case "publish":
        return published(dispatched, history, step.outcome, this.clock.now());
      case "nothing":
        return skip("the request has ended, and its answer has expired");
      case "wait":
        return defer(step.waitMs, step.reason);
      case "attempt": {
        const isFirst = history === nothingYet;
        const said = await this.runner.run({ ...order(step.number, step.candidate), isFirst });
        if (said?.kind !== "finished") return said;
        const before = history.attempts.slice(0, said.attempt.number - 1);
        const attempts = [...before, said.attempt];
        return published(dispatched, { ...history, attempts }, said.outcome, this.clock.now());
      }
      case "release":
        return this.runner.release(order(step.number, firstOf(dispatched)));
      case "doubt":
        return this.runner.doubt(order(step.number, firstOf(dispatched)));
      case "end":
        await this.end(step, dispatched, history);
        return null;
      default:
        return step satisfies never;
    }
  }

  private async end(
    end: End,
    dispatched: InferenceDispatched,
    history: RequestHistory,
  ): Promise<void> {
    const outcome = refusedOutcomeOf(dispatched, end, callsMade(history), this.clock.now());
    await this.outcomes.claim([outcome], "decision");
  }
}

/**
 * Of most requests nothing is recorded when they come: the first attempt is begun without a look, and
 * refused where there was something to see.
 */
const nothingYet: RequestHistory = {
  outcome: null,
  answerGone: false,
  cancelled: false,
  replyBegan: false,
  attempts: [],
};

/** Every intent that its owner could close, and the outcome: from the record alone, so that a redelivery says the same. */
function published(
  dispatched: InferenceDispatched,
  { attempts }: RequestHistory,
  outcome: InferenceResponded,
  now: number,
): Effect {
  const metered = attempts.flatMap(({ number, phase, metered: stated }): CostMetered[] => {
    if (stated) return [stated];
    if (phase !== "held") return [];
    // Once an outcome stands nobody can call any more, so this one never will.
    const intent = intentOf(dispatched, number, firstOf(dispatched), now);
    return [meteredZero(intent, "released", now, now)];
  });
  return emit(
    ...metered.map((record) => outgoing(topics.costMetered, record)),
    respondedMessage(outcome),
  );
}

/** The one that an unclaimed intent most likely named; its usage is zero, so that its price is too. */
function firstOf({ dispatch }: InferenceDispatched): Candidate {
  const [first] = dispatch.candidates;
  assert(first, "ADAPTER_NO_CANDIDATE", "A dispatch names no candidate.");
  return first;
}
