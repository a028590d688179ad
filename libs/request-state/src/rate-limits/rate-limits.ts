import type { RequestRef } from "../ports.ts";

/** A limit as it applies to one request. */
export interface AppliedLimit {
  /** Names what is counted together within the tenant. Two limits never have the same one. */
  readonly scope: string;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** The most requests that run at the same time. */
  readonly concurrency: number | null;
}

export interface CountedRequest {
  readonly ref: RequestRef;
  readonly limits: readonly AppliedLimit[];
  /** The tokens that count now. {@link RateLimits.addTokens} corrects them. */
  readonly tokens: number;
  /** How long the request counts as running if nothing ends it, in milliseconds. */
  readonly leaseMs: number;
  /** Whether it belongs to its tenant's work in flight until it ends. */
  readonly entersFlight: boolean;
}

/** What a limit bounds. */
export type Bound = "requests" | "tokens" | "concurrency";

/** What is left of a bound that is counted per minute. */
export interface MeterState {
  readonly remaining: number;
  /** After how long nothing is counted any more, if nothing else arrives, in milliseconds. */
  readonly resetMs: number;
}

/** What is left of a limit after a request was counted or refused; null for a bound that it does not have. */
export interface LimitState {
  readonly requests: MeterState | null;
  readonly tokens: MeterState | null;
}

export interface Exceeded {
  /** The index of the limit. */
  readonly limit: number;
  readonly bound: Bound;
  /**
   * After how long the request may be admitted, in milliseconds; null if it never can be, because it has more tokens
   * than the limit. How long a running request still runs is not known, so a full concurrency has a fixed time.
   */
  readonly retryAfterMs: number | null;
}

/** `states` are those of the limits, in order. */
export type Taken =
  | { readonly kind: "granted"; readonly states: readonly LimitState[] }
  /** Nothing was counted. `by` is the bound that makes the request wait for longest. */
  | {
      readonly kind: "refused";
      readonly by: Exceeded;
      readonly states: readonly LimitState[];
    };

/**
 * Port of ingress: counts requests, and bounds how many arrive and run. All methods throw TransientFault
 * `REDIS_UNAVAILABLE`.
 *
 * Requests and tokens per minute are counted by the generic cell rate algorithm (ITU-T I.371), as a leaky bucket: what is
 * counted is forgotten at the rate of the limit. A minute's worth may arrive at once, and then one at a time. It needs
 * one number for each bound, whatever the rate is, and it knows exactly when the next request fits.
 */
export abstract class RateLimits {
  /**
   * Counts each request in all of its limits, or in none if one of them is exceeded. One round trip for all. A
   * request that holds a slot or is in flight is granted again without being counted, so a redelivery may ask again.
   *
   * @throws TransientFault `REDIS_OUT_OF_MEMORY` if the store has no room for what it has to count
   */
  abstract take(requests: readonly CountedRequest[]): Promise<readonly Taken[]>;

  /**
   * Ends the slots of a request that will have no outcome. The outcome of an admitted request ends them, whichever
   * service sets it, and the lease ends those of a request that is never heard of again.
   */
  abstract release(ref: RequestRef): Promise<void>;

  /** Counts further tokens of a request, or fewer if the number is negative. */
  abstract addTokens(
    tenant: string,
    limits: readonly AppliedLimit[],
    tokens: number,
  ): Promise<void>;

  /** Returns how many requests of each tenant are in flight, in order. One round trip. */
  abstract inFlight(tenants: readonly string[]): Promise<readonly number[]>;
}
