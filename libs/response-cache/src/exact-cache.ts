import type { Completed } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";

/** The place of an answer in the cache. Two tenants never share one. */
export interface CacheAddress {
  readonly tenant: string;
  /** A part of the tenant's cache. */
  readonly namespace: string;
  /** {@link cacheKeyOf} of the request. */
  readonly cacheKey: string;
}

/** A provider's answer. */
export interface CacheEntry {
  /** The answer with usage, rates, variant and tier. `cache` is miss or bypass, because a provider made it. */
  readonly completed: Completed;
  readonly completedAt: EpochMillis;
  /** `completedAt` plus the time to live. Hits do not extend it. */
  readonly expiresAt: EpochMillis;
  /** The request that paid for the answer. */
  readonly requestId: string;
}

/** An answer and its place in the cache. */
export interface Fill {
  readonly address: CacheAddress;
  readonly entry: CacheEntry;
}

/** Port of the exact cache. While the store is unavailable, it throws TransientFault `REDIS_UNAVAILABLE`, which callers count as a miss. */
export abstract class ExactCache {
  /**
   * Returns the entries that exist, by {@link addressKeyOf}, in one round trip. Omits absent, expired
   * and unreadable entries.
   */
  abstract find(addresses: readonly CacheAddress[]): Promise<ReadonlyMap<string, CacheEntry>>;

  /** Stores entries and replaces existing ones. Does not store an entry that has already expired. */
  abstract store(fills: readonly Fill[]): Promise<void>;
}
