import { hashOf, type Window } from "@sluice/domain";

/**
 * Returns the id of a window within all tenants. It covers neither limit nor kind, so that a window keeps what was spent
 * when its limit is changed.
 */
export function windowIdOf(
  tenant: string,
  { budget, scope, opensAt }: Pick<Window, "budget" | "scope" | "opensAt">,
): string {
  return hashOf(tenant, budget, scope, opensAt === null ? "" : String(opensAt));
}
