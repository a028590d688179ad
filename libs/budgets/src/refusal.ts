import { type EpochMillis, formatUsd } from "@sluice/domain";
import type { Shortage } from "./budgets.ts";

/** What a client is shown if a budget refuses its request. */
export interface BudgetRefusal {
  /** Names the budget, what it has left, and what helps. */
  readonly reason: string;
  readonly refusedBy: {
    readonly budget: string;
    /** When the period of the budget ends; null if it does not end. */
    readonly resetsAt: EpochMillis | null;
  };
}

export function budgetRefusalOf({
  window,
  neededNanoUsd,
  allowanceNanoUsd,
}: Shortage): BudgetRefusal {
  const left = allowanceNanoUsd > 0n ? allowanceNanoUsd : 0n;
  const scope = window.scope === "" ? "" : ` (${window.scope})`;
  const reset =
    window.closesAt === null ? "" : ` It resets at ${new Date(window.closesAt).toISOString()}.`;
  return {
    reason: `The budget '${window.budget}'${scope} of $${formatUsd(window.limitNanoUsd)} has $${formatUsd(left)} left, and the request may cost up to $${formatUsd(neededNanoUsd)}.${reset} Set a lower max_tokens, name a cheaper model, or ask the operator to raise the limit.`,
    refusedBy: { budget: window.budget, resetsAt: window.closesAt },
  };
}
