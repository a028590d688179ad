import type { Limit } from "../declarations.ts";
import type { SluiceYaml } from "../schema.ts";

/** Returns the limits that may select a request of the key: its own, and those of its tenant. */
export function limitsFor(
  { tenants, limits }: SluiceYaml,
  tenant: string,
  key: string,
): readonly Limit[] {
  const declaredKey = tenants.find(({ id }) => id === tenant)?.keys.find(({ id }) => id === key);
  const own = declaredKey?.limits
    ? [{ ...declaredKey.limits, id: `key ${key}`, selector: { key: [key] }, each: [] }]
    : [];
  const ofTenant = limits.filter((limit) => limit.tenant === undefined || limit.tenant === tenant);
  return [...own, ...ofTenant].map(({ id, selector, each, ...bounds }) => ({
    id,
    selector,
    each,
    requestsPerMinute: bounds.requestsPerMinute ?? null,
    tokensPerMinute: bounds.tokensPerMinute ?? null,
    concurrency: bounds.concurrency ?? null,
  }));
}
