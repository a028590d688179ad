import { doubledMs, type EpochMillis } from "@sluice/domain";

/** Whether one model may be called with one provider key. */
export type Breaker =
  | { readonly kind: "closed"; readonly failures: number }
  /** Nobody calls until then. `trips`: how often it opened in a row. */
  | { readonly kind: "open"; readonly until: EpochMillis; readonly trips: number }
  /** One call finds out; the others wait until `probeUntil`, in case that one never reports. */
  | { readonly kind: "half-open"; readonly probeUntil: EpochMillis; readonly trips: number };

export interface BreakerPolicy {
  /** Failures in a row that open it. */
  readonly failuresMax: number;
  /** How long it stays open the first time; doubles with each further trip. */
  readonly openMs: number;
  readonly openMsMax: number;
}

/**
 * success: it answered, be it with a refusal of the request itself.
 * failure: it did not. rest: it asked for time, or for another key.
 */
export type Verdict =
  | { readonly kind: "success" }
  | { readonly kind: "failure" }
  | { readonly kind: "rest"; readonly restMs: number };

export const closed: Breaker = { kind: "closed", failures: 0 };

/** When it lets the next call through; at or before `now` means at once. */
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

/** A call begins. After an open time the first one is the probe. */
export function begun(breaker: Breaker, policy: BreakerPolicy, now: EpochMillis): Breaker {
  if (breaker.kind === "closed") return breaker;
  return { kind: "half-open", probeUntil: now + policy.openMs, trips: breaker.trips };
}

/** A call ended. What began before the breaker opened may still report; it cannot open it further. */
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
