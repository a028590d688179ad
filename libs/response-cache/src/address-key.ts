import { hashOf } from "@sluice/domain";
import type { CacheAddress } from "./exact-cache.ts";

/** Returns the address as one string. It begins with the tenant's hash, so two tenants never share a key. */
export function addressKeyOf({ tenant, namespace, cacheKey }: CacheAddress): string {
  return `${hashOf(tenant)}:${hashOf(tenant, namespace, cacheKey)}`;
}
