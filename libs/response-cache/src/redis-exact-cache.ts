import { askRedis, type Redis } from "@sluice/redis";
import { addressKeyOf } from "./address-key.ts";
import { decodeEntry, encodeEntry, entryVersion } from "./entry-json.ts";
import { type CacheAddress, type CacheEntry, ExactCache, type Fill } from "./exact-cache.ts";

/** Stores entries on a Redis that may evict, because a lost entry costs only a miss. */
export class RedisExactCache extends ExactCache {
  readonly #redis: Redis;
  readonly #prefix: string;

  /** @param prefix the topic prefix, which separates installations on one server */
  constructor(redis: Redis, prefix = "") {
    super();
    this.#redis = redis;
    this.#prefix = prefix;
  }

  override async find(
    addresses: readonly CacheAddress[],
  ): Promise<ReadonlyMap<string, CacheEntry>> {
    const found = new Map<string, CacheEntry>();
    if (addresses.length === 0) return found;
    const keys = addresses.map((address) => this.#keyOf(address));
    const texts = await askRedis(() => this.#redis.mget(keys));
    for (const [index, text] of texts.entries()) {
      const entry = text === null ? undefined : decodeEntry(text);
      if (entry) found.set(addressKeyOf(addresses[index]!), entry);
    }
    return found;
  }

  override async store(fills: readonly Fill[]): Promise<void> {
    if (fills.length === 0) return;
    const commands = this.#redis.pipeline();
    // Redis deletes a key with an expiry in the past at once, so an expired entry is never found.
    for (const { address, entry } of fills)
      commands.set(this.#keyOf(address), encodeEntry(entry), "PXAT", entry.expiresAt);
    await askRedis(async () => {
      for (const [error] of (await commands.exec()) ?? []) if (error) throw error;
    });
  }

  #keyOf(address: CacheAddress): string {
    return `${this.#prefix}${addressKeyOf(address)}:answer:${entryVersion}`;
  }
}
