import type { CacheAddress } from "../exact-cache.ts";

/**
 * Port: which request of a tenant is about to bring the answer of an address. Identical requests that
 * arrive meanwhile follow it instead of paying for the same answer. While the store is unavailable, it
 * throws TransientFault `REDIS_UNAVAILABLE`, and callers go without it.
 */
export abstract class Flights {
  /**
   * Makes the request the leader for `ttlMs`, unless there is one. Returns null if it leads now, and
   * otherwise the id of the leader. A repeated call of the leader returns its own id.
   */
  abstract lead(address: CacheAddress, requestId: string, ttlMs: number): Promise<string | null>;

  /** Returns the id of the leader, or null if there is none. */
  abstract leaderOf(address: CacheAddress): Promise<string | null>;

  /** Lets the leader lead for `ttlMs` from now. Does nothing if another leads. */
  abstract extend(address: CacheAddress, requestId: string, ttlMs: number): Promise<void>;

  /** Ends the flight, so that another request may lead. Does nothing if another leads. */
  abstract end(address: CacheAddress, requestId: string): Promise<void>;
}
