import { type EpochMillis, hashOf, type Window } from "@sluice/domain";

/**
 * Returns the id of a window within all tenants. It covers neither limit nor kind, so that a window keeps what was spent
 * when its limit is changed. It covers both bounds, because a day, a week and a month can begin at the same time.
 */
export function windowIdOf(
  tenant: string,
  { budget, scope, opensAt, closesAt }: Pick<Window, "budget" | "scope" | "opensAt" | "closesAt">,
): string {
  return hashOf(tenant, budget, scope, textOf(opensAt), textOf(closesAt));
}

function textOf(bound: EpochMillis | null): string {
  return bound === null ? "" : String(bound);
}
