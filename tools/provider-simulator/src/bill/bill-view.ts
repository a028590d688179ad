import type { Bill, BilledAttempt } from "./bill.ts";

/** Returns the bill for `GET /bill`. Amounts are decimal strings in nano-USD, and times are RFC 3339 in UTC. */
export function billViewOf(bill: Bill): object {
  return {
    simulated: true,
    concurrency: bill.concurrency(),
    attempts: bill.attempts().map(attemptViewOf),
    totalNanoUsd: String(bill.totalNanoUsd()),
  };
}

/** Returns one attempt of the bill for `GET /bill/<attempt id>`. */
export function attemptViewOf(attempt: BilledAttempt): object {
  const { attemptId, model, calls, billedCalls, open, openPeak, stream, usage, reason } = attempt;
  return {
    simulated: true,
    attemptId,
    model,
    calls,
    billedCalls,
    open,
    openPeak,
    status: statusOf(attempt),
    stream,
    usage,
    costNanoUsd: String(attempt.costNanoUsd),
    billedAt: attempt.billedAt === null ? null : new Date(attempt.billedAt).toISOString(),
    reason,
  };
}

function statusOf({ open, billedCalls }: BilledAttempt): "open" | "billed" | "unbilled" {
  if (open > 0) return "open";
  return billedCalls > 0 ? "billed" : "unbilled";
}
