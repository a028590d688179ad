import { hashOf } from "@sluice/domain";
import type { CacheAddress } from "./exact-cache.ts";

/** The address as one string, which begins with the tenant's hash: no two tenants meet in one key. */
export function addressKeyOf({ tenant, namespace, cacheKey }: CacheAddress): string {
  return `${hashOf(tenant)}:${hashOf(tenant, namespace, cacheKey)}`;
}
