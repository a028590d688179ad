import { doubledMs, type EpochMillis } from "@sluice/domain";

/** Whether a model may be called with a provider key. */
export type Breaker =
  | { readonly kind: "closed"; readonly failures: number }
  /** No call is made before `until`. `trips` is how often the breaker has opened in a row. */
  | { readonly kind: "open"; readonly until: EpochMillis; readonly trips: number }
  /** One call probes the provider. Others wait until `probeUntil`, in case the probe never reports. */
  | { readonly kind: "half-open"; readonly probeUntil: EpochMillis; readonly trips: number };

export interface BreakerPolicy {
  /** The breaker opens after this many failures in a row. */
  readonly failuresMax: number;
  /** How long it stays open the first time. Each further trip doubles the time. */
  readonly openMs: number;
  readonly openMsMax: number;
}

/**
 * What the end of a call says about the provider.
 *
 * - success: it answered, or it refused the request itself.
 * - failure: it did not answer.
 * - rest: it asked to wait, or it refused the key.
 */
export type Verdict =
  | { readonly kind: "success" }
  | { readonly kind: "failure" }
  | { readonly kind: "rest"; readonly restMs: number };

export const closed: Breaker = { kind: "closed", failures: 0 };

/**
 * Returns the time of the next permitted call. A time in the past means that a call may be made
 * now.
 */
export function readyAtOf(breaker: Breaker): EpochMillis {
  switch (breaker.kind) {
    case "closed":
      return 0;
    case "open":
      return breaker.until;
    case "half-open":
      return breaker.probeUntil;
    default:
      return breaker satisfies never;
  }
}

/** Returns the breaker after a call has begun. The first call after an open time is the probe. */
export function begun(breaker: Breaker, policy: BreakerPolicy, now: EpochMillis): Breaker {
  if (breaker.kind === "closed") return breaker;
  return { kind: "half-open", probeUntil: now + policy.openMs, trips: breaker.trips };
}

/**
 * Returns the breaker after a call has ended. A call that began before it opened cannot extend the
 * open time.
 */
export function ended(
  breaker: Breaker,
  verdict: Verdict,
  policy: BreakerPolicy,
  now: EpochMillis,
): Breaker {
  switch (verdict.kind) {
    case "success":
      return breaker.kind === "open" ? breaker : closed;
    case "rest":
      return {
        kind: "open",
        until: laterOf(breaker, now + verdict.restMs),
        trips: tripsOf(breaker),
      };
    case "failure":
      return failedOnce(breaker, policy, now);
    default:
      return verdict satisfies never;
  }
}

function failedOnce(breaker: Breaker, policy: BreakerPolicy, now: EpochMillis): Breaker {
  switch (breaker.kind) {
    case "open":
      return breaker;
    case "half-open":
      return opened(breaker.trips, policy, now);
    case "closed": {
      const failures = breaker.failures + 1;
      return failures < policy.failuresMax ? { kind: "closed", failures } : opened(0, policy, now);
    }
    default:
      return breaker satisfies never;
  }
}

function opened(trips: number, policy: BreakerPolicy, now: EpochMillis): Breaker {
  const openMs = doubledMs({ firstMs: policy.openMs, maxMs: policy.openMsMax }, trips + 1);
  return { kind: "open", until: now + openMs, trips: trips + 1 };
}

function laterOf(breaker: Breaker, until: EpochMillis): EpochMillis {
  return breaker.kind === "open" ? Math.max(breaker.until, until) : until;
}

function tripsOf(breaker: Breaker): number {
  return breaker.kind === "closed" ? 0 : breaker.trips;
}
