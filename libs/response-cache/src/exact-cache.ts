import type { Completed } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";

/** Where an answer is kept. Two tenants never share one, whatever else they share. */
export interface CacheAddress {
  readonly tenant: string;
  /** Part of the tenant's cache. */
  readonly namespace: string;
  /** {@link cacheKeyOf} of the request. */
  readonly cacheKey: string;
}

/** An answer as a provider gave it. */
export interface CacheEntry {
  /** Its answer, usage, rates, variant and tier; `cache` says miss or bypass, as it came from a provider. */
  readonly completed: Completed;
  readonly completedAt: EpochMillis;
  /** `completedAt` and the time to live; hits do not prolong it. */
  readonly expiresAt: EpochMillis;
  /** The request that paid for it. */
  readonly requestId: string;
}

/** An answer and where it goes. */
export interface Fill {
  readonly address: CacheAddress;
  readonly entry: CacheEntry;
}

/** Port. A store that is down throws TransientFault `REDIS_UNAVAILABLE`: callers count it as a miss. */
export abstract class ExactCache {
  /**
   * One round trip. Keyed by {@link addressKeyOf}; what is absent, expired or
   * unreadable is not in it.
   */
  abstract find(addresses: readonly CacheAddress[]): Promise<ReadonlyMap<string, CacheEntry>>;

  /** Replaces what is there. An entry that has expired already is not stored. */
  abstract store(fills: readonly Fill[]): Promise<void>;
}
