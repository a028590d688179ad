import { type Allowance, windowIdOf } from "@sluice/budgets";
import type { ApiKey, Declarations } from "@sluice/declarations";
import { type EpochMillis, formatUsd, type Window, windowsFor } from "@sluice/domain";

/** A budget as the API shows it. Amounts are decimal US dollars, and times are RFC 3339. */
export interface ListedBudget {
  readonly object: "budget";
  readonly id: string;
  /** For a budget per value, these values, for example `user=ann`; empty otherwise. */
  readonly scope: string;
  readonly hard: boolean;
  readonly limit_usd: string;
  readonly spent_usd: string;
  /** The most that running requests can still cost. */
  readonly reserved_usd: string;
  /** The limit minus what is spent and reserved; below zero if the limit was lowered. */
  readonly allowance_usd: string;
  readonly resets_at: string | null;
}

/**
 * Returns the windows in which a request with this key can count, each once: a request at any variant, and in the run if
 * one is named.
 */
export function windowsOfKey(
  key: ApiKey,
  declarations: Declarations,
  runId: string | null,
  now: EpochMillis,
): readonly Window[] {
  const { tenant, team, feature, user, id } = key;
  const budgets = declarations.budgetsOf(tenant);
  const timeZone = declarations.timeZoneOf(tenant);
  const at = { now, timeZone, version: declarations.version() };
  const windows = declarations.variants().flatMap(({ id: model, provider, tier }) => {
    const subject = { team, feature, user, key: id, run: runId, tier, model, provider };
    return windowsFor(budgets, subject, at);
  });
  return [...new Map(windows.map((window) => [windowIdOf(tenant, window), window])).values()];
}

export function listedBudget(
  { budget, scope, hard, closesAt }: Window,
  { limitNanoUsd, spentNanoUsd, reservedNanoUsd }: Allowance,
): ListedBudget {
  return {
    object: "budget",
    id: budget,
    scope,
    hard,
    limit_usd: formatUsd(limitNanoUsd),
    spent_usd: formatUsd(spentNanoUsd),
    reserved_usd: formatUsd(reservedNanoUsd),
    allowance_usd: formatUsd(limitNanoUsd - spentNanoUsd - reservedNanoUsd),
    resets_at: closesAt === null ? null : new Date(closesAt).toISOString(),
  };
}
