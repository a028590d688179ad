import { type Clock, SystemClock } from "@sluice/domain";
import { addressKeyOf } from "./address-key.ts";
import { type CacheAddress, type CacheEntry, ExactCache, type Fill } from "./exact-cache.ts";

/** Fake of {@link ExactCache} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryExactCache extends ExactCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, CacheEntry>();

  constructor(clock: Clock = new SystemClock()) {
    super();
    this.#clock = clock;
  }

  override async find(
    addresses: readonly CacheAddress[],
  ): Promise<ReadonlyMap<string, CacheEntry>> {
    const found = new Map<string, CacheEntry>();
    for (const key of addresses.map(addressKeyOf)) {
      const entry = this.#entries.get(key);
      if (entry && entry.expiresAt > this.#clock.now()) found.set(key, entry);
    }
    return found;
  }

  override async store(fills: readonly Fill[]): Promise<void> {
    for (const { address, entry } of fills) this.#entries.set(addressKeyOf(address), entry);
  }
}
