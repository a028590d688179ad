import { Injectable } from "@nestjs/common";
import type { InferenceAdmitted, InferenceResponded } from "@sluice/contracts";
import { Declarations } from "@sluice/declarations";
import { Clock } from "@sluice/domain";
import {
  type AppliedLimit,
  type LimitState,
  RateLimits,
  refOfAdmitted,
  type Taken,
} from "@sluice/request-state";
import { IngressMetrics } from "../metrics.ts";
import type { Refusal } from "../request/refusal.ts";
import { appliedLimitsOf, loopLimitOf } from "./applied-limits.ts";
import { limitRefusalOf, loopRefusalOf } from "./limit-refusal.ts";
import { answeredTokensOf, estimatedTokensOf } from "./token-estimate.ts";

/**
 * A slot outlives the deadline by this long, in milliseconds. The outcome ends it; this ends those of requests without
 * an outcome, for example if ingress stopped before it published them.
 */
const leaseMarginMs = 10_000;

/** What the limits of a request say about it. */
export interface LimitCheck {
  /** Why the request is declined; undefined if it is within all of its limits. */
  readonly refusal: Refusal | undefined;
  /** The limits in which the request counts, without that on loops. */
  readonly limits: readonly AppliedLimit[];
  /** What is left of each of them. */
  readonly states: readonly LimitState[];
  /** The tokens that the request was counted with. */
  readonly tokens: number;
}

/** A request without limits. */
export const unlimited: LimitCheck = { refusal: undefined, limits: [], states: [], tokens: 0 };

interface Counted {
  readonly admitted: InferenceAdmitted;
  readonly limits: readonly AppliedLimit[];
  readonly loop: AppliedLimit | undefined;
  readonly tokens: number;
}

/** Counts requests of both edges in the limits that are declared for them at that moment. */
@Injectable()
export class RequestLimits {
  /** The requests that hold a slot of a concurrency, as far as this process has to end it. */
  private readonly holding = new WeakSet<InferenceAdmitted>();

  constructor(
    private readonly rateLimits: RateLimits,
    private readonly declarations: Declarations,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
  ) {}

  /**
   * Counts each request, unless one of its limits declines it. One round trip for all; none if nothing is declared.
   *
   * @param enterFlight whether they belong to the work in flight of their tenants from now on
   * @throws TransientFault `REDIS_UNAVAILABLE` or `REDIS_OUT_OF_MEMORY`, after which the requests may have been counted
   */
  async check(
    requests: readonly InferenceAdmitted[],
    enterFlight = false,
  ): Promise<readonly LimitCheck[]> {
    const counted = requests.map((admitted) => this.countedOf(admitted));
    const asked = counted.filter(({ limits, loop }) => enterFlight || loop || limits.length > 0);
    if (asked.length === 0) return requests.map(() => unlimited);
    const now = this.clock.now();
    const taken = await this.rateLimits.take(
      asked.map(({ admitted, limits, loop, tokens }) => ({
        ref: refOfAdmitted(admitted),
        limits: loop ? [...limits, loop] : limits,
        tokens,
        leaseMs: Math.max(0, admitted.deadlineAt - now) + leaseMarginMs,
        entersFlight: enterFlight,
      })),
    );
    const results = new Map(asked.map((each, index) => [each, taken[index]!]));
    return counted.map((each) => this.checkOf(each, results.get(each)));
  }

  /** Ends the slots of a request that will have no outcome. If Redis does not answer, they end with their lease. */
  release(admitted: InferenceAdmitted): void {
    // A repeat with another body has the id of the request that holds the slots, and must not end them.
    if (!this.holding.delete(admitted)) return;
    void this.rateLimits.release(refOfAdmitted(admitted)).catch(nothing);
  }

  /** Counts the tokens that the answer has instead of the estimate. No answer waits for it. If it fails, the estimate remains. */
  correct({ limits, tokens }: LimitCheck, { attribution, completed }: InferenceResponded): void {
    if (!completed || limits.every(({ tokensPerMinute }) => tokensPerMinute === null)) return;
    const difference = answeredTokensOf(completed.usage) - tokens;
    if (difference === 0) return;
    void this.rateLimits.addTokens(attribution.tenant, limits, difference).catch(nothing);
  }

  private limitsOf({ attribution }: InferenceAdmitted): readonly AppliedLimit[] {
    const declared = this.declarations.limitsOf(attribution.tenant, attribution.key);
    return declared.length === 0 ? [] : appliedLimitsOf(declared, attribution);
  }

  private countedOf(admitted: InferenceAdmitted): Counted {
    const { attribution, request } = admitted;
    const limits = this.limitsOf(admitted);
    const samePrompt = this.declarations.samePromptPerMinute();
    const countsTokens = limits.some(({ tokensPerMinute }) => tokensPerMinute !== null);
    return {
      admitted,
      limits,
      loop: samePrompt > 0 ? loopLimitOf(attribution, request, samePrompt) : undefined,
      tokens: countsTokens ? estimatedTokensOf(request) : 0,
    };
  }

  private checkOf(
    { admitted, limits, loop, tokens }: Counted,
    taken: Taken | undefined,
  ): LimitCheck {
    if (!taken) return unlimited;
    const check = { limits, states: taken.states.slice(0, limits.length), tokens };
    if (taken.kind === "granted") {
      this.metrics.limitChecks.inc({ result: "granted" });
      if (limits.some(({ concurrency }) => concurrency !== null)) this.holding.add(admitted);
      return { ...check, refusal: undefined };
    }
    const { by } = taken;
    const limit = limits[by.limit];
    this.metrics.limitChecks.inc({ result: limit ? by.bound : "loop" });
    const refusal = limit
      ? limitRefusalOf(limit, by, tokens)
      : loopRefusalOf(admitted.attribution.key, loop?.requestsPerMinute ?? 0, by);
    return { ...check, refusal };
  }
}

const nothing = (): void => undefined;
