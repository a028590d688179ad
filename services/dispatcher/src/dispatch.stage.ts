import { Inject, Injectable } from "@nestjs/common";
import {
  type BudgetRefusal,
  Budgets,
  budgetRefusalOf,
  type ReservationOption,
  type ReservationRequest,
} from "@sluice/budgets";
import {
  type Candidate,
  type Decision,
  type Dispatch,
  type InferenceClassified,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { attemptIdOf, Clock, type EpochMillis } from "@sluice/domain";
import { effectOfClaim, notePublished, Outcomes, refusedOutcome } from "@sluice/request-state";
import { type Delivery, type Effect, emit, outgoing, SliceStage } from "@sluice/stage";
import { Stage } from "@sluice/stage/nest";
import type { DispatchFacts } from "./consider.ts";
import { degradedCandidates } from "./degrade.ts";
import { planDispatch } from "./dispatch.ts";
import { estimateInput, type InputEstimate, type TokenCounters } from "./input-estimate.ts";
import { DispatcherMetrics } from "./metrics.ts";
import { degradedReason, optionsOf, reservedDispatch, withWindows } from "./reservation.ts";

/** The injection token of {@link TokenCounters}. */
export const TOKEN_COUNTERS = Symbol("TOKEN_COUNTERS");

type Planned =
  | { readonly kind: "dispatch"; readonly dispatch: Dispatch; readonly reasons: readonly string[] }
  | {
      readonly kind: "decline";
      readonly code: string;
      readonly reason: string;
      readonly param?: string | undefined;
      readonly refusedBy?: BudgetRefusal["refusedBy"];
    };

/** A plan to dispatch, and what it may take from the budgets. */
interface Demand {
  readonly plan: Extract<Planned, { kind: "dispatch" }>;
  readonly request: InferenceClassified;
  /** The candidates of the plan, and after them those for a budget that is nearly used up. */
  readonly options: readonly ReservationOption<Candidate>[];
}

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
    // The plans are made in one step, so that all of them are of this version.
    const version = this.declarations.version();
    const planned = requests.map((request, index) =>
      this.plan(request, this.factsOf(estimates[index]!, now)),
    );
    const reserved = await this.reserve(planned);
    return this.act(requests, reserved, now, version);
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

  private factsOf(estimate: InputEstimate, now: EpochMillis): DispatchFacts {
    return {
      variants: this.declarations.variants(),
      priceBook: this.declarations.priceBook(),
      outputLimitOf: (tier) => this.declarations.outputLimitOf(tier),
      ...estimate,
      now,
    };
  }

  private plan(request: InferenceClassified, facts: DispatchFacts): Planned | Demand {
    const plan = planDispatch(request, facts);
    if (plan.kind === "decline") return plan;
    const { tenant } = request.admitted.attribution;
    const budgets = {
      budgets: this.declarations.budgetsOf(tenant),
      timeZone: this.declarations.timeZoneOf(tenant),
      version: this.declarations.version(),
      now: facts.now,
    };
    if (budgets.budgets.length === 0) return plan;
    const { candidates } = plan.dispatch;
    const degraded = degradedCandidates(request, candidates, facts);
    return { plan, request, options: optionsOf(request, [...candidates, ...degraded], budgets) };
  }

  /**
   * Reserves the plans of a slice in one round trip. If a budget refuses, the plan becomes a
   * decline. A plan that no budget selects needs no reservation.
   */
  private async reserve(plans: readonly (Planned | Demand)[]): Promise<readonly Planned[]> {
    const demands = plans.filter(
      (plan): plan is Demand => "options" in plan && plan.options.some(isLimited),
    );
    const reservations =
      demands.length === 0 ? [] : await this.budgets.reserve<Candidate>(demands.map(requestFor));
    const reservationOf = new Map(
      demands.map((demand, index) => [demand, reservations[index]!] as const),
    );
    return plans.map((planned) => {
      if (!("options" in planned)) return planned;
      const { plan, options } = planned;
      const { dispatch, reasons } = plan;
      const size = dispatch.candidates.length;
      const reservation = reservationOf.get(planned);
      if (reservation === undefined || reservation.kind === "ended")
        return { ...plan, dispatch: withWindows(dispatch, options.slice(0, size)) };
      if (reservation.kind === "refused")
        return {
          kind: "decline",
          code: "budget_exceeded",
          ...budgetRefusalOf(reservation.shortage),
        };
      const reserved = reservedDispatch(dispatch, options, size, reservation.candidates);
      const degraded = degradedReason(dispatch.candidates, reservation);
      return {
        ...plan,
        dispatch: reserved,
        reasons: [...reasons, ...(degraded ? [degraded] : [])],
      };
    });
  }

  private async act(
    requests: readonly InferenceClassified[],
    planned: readonly Planned[],
    now: EpochMillis,
    version: bigint,
  ): Promise<readonly Effect[]> {
    const declines = planned.flatMap((plan, index) =>
      plan.kind === "decline" ? [{ index, plan, request: requests[index]! }] : [],
    );
    const outcomes = declines.map(({ plan, request }) =>
      declinedOutcome(request, plan, now, version),
    );
    const claims = outcomes.length === 0 ? [] : await this.outcomes.claim(outcomes, "decision");
    const effects = planned.map((plan, index) =>
      plan.kind === "dispatch" ? this.dispatched(requests[index]!, plan, version) : undefined,
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
    version: bigint,
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
        decisions: [...request.decisions, decisionOf(plan, version)],
      }),
    );
  }
}

function isLimited({ windows }: ReservationOption<Candidate>): boolean {
  return windows.length > 0;
}

function requestFor({ request: { admitted }, options }: Demand): ReservationRequest<Candidate> {
  const { attribution, request, admittedAt, deadlineAt } = admitted;
  const { tenant } = attribution;
  const attemptId = attemptIdOf(tenant, request.requestId, admittedAt, 1);
  return { tenant, attemptId, deadlineAt, options };
}

function declinedOutcome(
  request: InferenceClassified,
  plan: Extract<Planned, { kind: "decline" }>,
  now: EpochMillis,
  version: bigint,
): InferenceResponded {
  return refusedOutcome(request.admitted, {
    kind: "declined",
    code: plan.code,
    reason: plan.reason,
    param: plan.param,
    refusedBy: plan.refusedBy,
    attempts: 0,
    lookup: request.lookup,
    decisions: [...request.decisions, decisionOf(plan, version)],
    completedAt: now,
  });
}

function decisionOf(plan: Planned, version: bigint): Decision {
  const stage = "dispatcher";
  return plan.kind === "dispatch"
    ? { stage, decision: plan.dispatch.candidates[0]!.variant, reasons: plan.reasons, version }
    : { stage, decision: plan.code, reasons: [plan.reason], version };
}
