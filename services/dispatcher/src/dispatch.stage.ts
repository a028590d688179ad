import { Inject, Injectable } from "@nestjs/common";
import { Budgets } from "@sluice/budgets";
import {
  type Candidate,
  type Decision,
  type Dispatch,
  type InferenceClassified,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock, type EpochMillis } from "@sluice/domain";
import { effectOfClaim, notePublished, Outcomes, refusedOutcome } from "@sluice/request-state";
import { type Delivery, type Effect, emit, outgoing, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import { planDispatch } from "./dispatch.ts";
import { estimateInput, type InputEstimate, type TokenCounters } from "./input-estimate.ts";
import { DispatcherMetrics } from "./metrics.ts";

/** The injection token of {@link TokenCounters}. */
export const TOKEN_COUNTERS = Symbol("TOKEN_COUNTERS");

type Planned =
  | { readonly kind: "dispatch"; readonly dispatch: Dispatch; readonly reasons: readonly string[] }
  | {
      readonly kind: "decline";
      readonly code: string;
      readonly reason: string;
      readonly param?: string | undefined;
    };

/**
 * Chooses the candidates of a request and reserves their cost. A request without a reservation is
 * not dispatched.
 */
@Injectable()
@Stage({ on: topics.inferenceClassified, group: "dispatcher" })
export class DispatchStage extends SliceStage<InferenceClassified> {
  constructor(
    private readonly declarations: Declarations,
    private readonly budgets: Budgets,
    private readonly outcomes: Outcomes,
    private readonly clock: Clock,
    @Inject(TOKEN_COUNTERS) private readonly counters: TokenCounters,
    private readonly metrics: DispatcherMetrics,
  ) {
    super();
  }

  override async process(
    slice: readonly Delivery<InferenceClassified>[],
  ): Promise<readonly Effect[]> {
    const requests = slice.map(({ record }) => record);
    const estimates = await this.estimate(requests);
    // After the counting, which may take longer than a deadline allows.
    const now = this.clock.now();
    const planned = await this.reserve(
      requests,
      requests.map((request, index) => this.plan(request, estimates[index]!, now)),
    );
    return this.act(requests, planned, now);
  }

  override async settled(
    _slice: readonly Delivery<InferenceClassified>[],
    effects: readonly Effect[],
  ): Promise<void> {
    await notePublished(this.outcomes, effects);
  }

  /** Counts one request after the other: together they would end at the same time, and no sooner. */
  private async estimate(
    requests: readonly InferenceClassified[],
  ): Promise<readonly InputEstimate[]> {
    const estimates: InputEstimate[] = [];
    for (const { admitted } of requests)
      estimates.push(await estimateInput(admitted.request, this.counters));
    return estimates;
  }

  private plan(request: InferenceClassified, estimate: InputEstimate, now: EpochMillis): Planned {
    return planDispatch(request, {
      variants: this.declarations.variants(),
      priceBook: this.declarations.priceBook(),
      outputLimitOf: (tier) => this.declarations.outputLimitOf(tier),
      ...estimate,
      now,
    });
  }

  /**
   * Reserves the plans of a slice in one round trip. If a budget refuses, the plan becomes a
   * decline.
   */
  private async reserve(
    requests: readonly InferenceClassified[],
    plans: readonly Planned[],
  ): Promise<readonly Planned[]> {
    const dispatches = plans.flatMap((plan, index) =>
      plan.kind === "dispatch" ? [{ index, plan, request: requests[index]! }] : [],
    );
    const reservations = await this.budgets.reserve<Candidate>(
      dispatches.map(({ plan, request: { admitted } }) => ({
        requestId: admitted.request.requestId,
        admittedAt: admitted.admittedAt,
        scopes: { ...admitted.attribution, runId: admitted.request.runId },
        candidates: plan.dispatch.candidates,
      })),
    );
    const reserved = [...plans];
    dispatches.forEach(({ index, plan }, at) => {
      const reservation = reservations[at]!;
      reserved[index] =
        reservation.kind === "granted"
          ? { ...plan, dispatch: { ...plan.dispatch, candidates: reservation.candidates } }
          : { kind: "decline", code: "budget_exceeded", reason: reservation.reason };
    });
    return reserved;
  }

  private async act(
    requests: readonly InferenceClassified[],
    planned: readonly Planned[],
    now: EpochMillis,
  ): Promise<readonly Effect[]> {
    const declines = planned.flatMap((plan, index) =>
      plan.kind === "decline" ? [{ index, plan, request: requests[index]! }] : [],
    );
    const outcomes = declines.map(({ plan, request }) => declinedOutcome(request, plan, now));
    const claims = outcomes.length === 0 ? [] : await this.outcomes.claim(outcomes, "decision");
    const effects = planned.map((plan, index) =>
      plan.kind === "dispatch" ? this.dispatched(requests[index]!, plan) : undefined,
    );
    declines.forEach(({ index, plan }, at) => {
      this.metrics.declined.inc({ code: plan.code });
      effects[index] = effectOfClaim(claims[at]!);
    });
    return effects.map((effect) => effect!);
  }

  private dispatched(
    request: InferenceClassified,
    plan: Extract<Planned, { kind: "dispatch" }>,
  ): Effect {
    const { admitted, lookup, classification } = request;
    this.metrics.dispatched.inc({ tier: plan.dispatch.candidates[0]!.tier });
    // The topic of the realtime lane, which is the only lane that planDispatch chooses.
    return emit(
      outgoing(topics.inferenceDispatchedRealtime, {
        admitted,
        lookup,
        classification,
        dispatch: plan.dispatch,
        decisions: [...request.decisions, decisionOf(plan)],
      }),
    );
  }
}

function declinedOutcome(
  request: InferenceClassified,
  plan: Extract<Planned, { kind: "decline" }>,
  now: EpochMillis,
): InferenceResponded {
  return refusedOutcome(request.admitted, {
    kind: "declined",
    code: plan.code,
    reason: plan.reason,
    param: plan.param,
    attempts: 0,
    lookup: request.lookup,
    decisions: [...request.decisions, decisionOf(plan)],
    completedAt: now,
  });
}

function decisionOf(plan: Planned): Decision {
  const stage = "dispatcher";
  return plan.kind === "dispatch"
    ? { stage, decision: plan.dispatch.candidates[0]!.variant, reasons: plan.reasons, version: 0n }
    : { stage, decision: plan.code, reasons: [plan.reason], version: 0n };
}
