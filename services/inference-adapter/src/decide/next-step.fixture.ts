import {
  aCandidate,
  aDispatched,
  admittedAt,
  aHistory,
  anAttempt,
} from "../attempt/dispatched.fixture.ts";
import { intentOf, zeroMeteringOf } from "../attempt/metering.ts";
import { encodeFailure, type AttemptFailure } from "./failure.ts";
import { nextStep, type NextStep, type Situation } from "./next-step.ts";

export const now = admittedAt + 100;
export const small = aCandidate();

/** Returns the step for a request of which only the admission is recorded, with changes. */
export function stepFor(changed: Partial<Situation> = {}): NextStep {
  return nextStep({
    dispatched: aDispatched(),
    history: aHistory(),
    readyAt: () => 0,
    restsBecause: () => null,
    waitedMs: 0,
    shortages: new Map(),
    now,
    ...changed,
  });
}

/** Returns an attempt at the first candidate that failed. */
export function failedWith(failure: Partial<AttemptFailure>, number = 1) {
  const dispatched = aDispatched();
  const intent = intentOf(dispatched, number, small, now);
  const code = failure.code ?? "rate_limited";
  const known = code !== "timed_out" && code !== "connection_lost";
  return anAttempt({
    number,
    metered: known ? zeroMeteringOf(intent, "refused", now, now) : null,
    reason: encodeFailure({ variant: "small", status: 429, retryAt: now + 700, ...failure, code }),
  });
}
