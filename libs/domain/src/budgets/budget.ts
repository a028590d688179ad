import type { EpochMillis } from "../clock.ts";
import type { NanoUsd } from "../money.ts";
import { isSelected, scopeOf, type Selector } from "../selector.ts";
import type { Tier } from "../tiers.ts";
import { type BudgetPeriod, periodAt } from "./budget-period.ts";

/** What a budget can select by: who pays, the agent run, and the variant that answers. */
export const budgetDimensions = [
  "team",
  "feature",
  "user",
  "key",
  "run",
  "tier",
  "model",
  "provider",
] as const;

export type BudgetDimension = (typeof budgetDimensions)[number];

/** The values of an attempt, by dimension. `run` is null if the request belongs to no run. */
export type BudgetSubject = Readonly<Record<Exclude<BudgetDimension, "run" | "tier">, string>> & {
  readonly run: string | null;
  readonly tier: Tier;
};

export type BudgetSelector = Selector<BudgetDimension>;

/** A limit on what the attempts that it selects may cost within a period. It belongs to one tenant. */
export interface Budget {
  readonly id: string;
  readonly limitNanoUsd: NanoUsd;
  /** Whether it refuses what exceeds its limit. A soft budget only counts. */
  readonly hard: boolean;
  readonly period: BudgetPeriod;
  readonly selector: BudgetSelector;
  /** The dimensions of which each combination of values has a limit of its own. */
  readonly each: readonly BudgetDimension[];
}

/** One budget, and the period of it in which an amount counts. */
export interface Window {
  /** Id of the budget. */
  readonly budget: string;
  /** For a budget per value, these values, for example `team=support,user=ann`; empty otherwise. */
  readonly scope: string;
  /** When the period began; null for a budget without an end, and for one of a run. */
  readonly opensAt: EpochMillis | null;
  readonly closesAt: EpochMillis | null;
  readonly limitNanoUsd: NanoUsd;
  readonly hard: boolean;
  /** The version of the declarations that the limit is from. */
  readonly version: bigint;
}

/**
 * Returns the windows in which an attempt counts, in the order of the budgets. Pure.
 *
 * @param timeZone in which the tenant's periods begin
 */
export function windowsFor(
  budgets: readonly Budget[],
  subject: BudgetSubject,
  at: { readonly now: EpochMillis; readonly timeZone: string; readonly version: bigint },
): readonly Window[] {
  return budgets
    .filter((budget) => selects(budget, subject))
    .map((budget) => ({
      budget: budget.id,
      scope: scopeOf(dimensionsOf(budget), subject),
      ...periodAt(budget.period, at.timeZone, at.now),
      limitNanoUsd: budget.limitNanoUsd,
      hard: budget.hard,
      version: at.version,
    }));
}

/** Whether the attempt counts against the budget. A budget of a run, or per run, selects only requests that belong to one. */
export function selects(budget: Budget, subject: BudgetSubject): boolean {
  if (dimensionsOf(budget).some((dimension) => subject[dimension] === null)) return false;
  return isSelected(budgetDimensions, budget.selector, subject);
}

/** Returns the dimensions with a limit per value, always in the same order. */
function dimensionsOf({ period, each }: Budget): readonly BudgetDimension[] {
  return budgetDimensions.filter(
    (dimension) => each.includes(dimension) || (dimension === "run" && period === "run"),
  );
}
