import { askRedis, type Redis, redisScript, runScript } from "@sluice/redis";
import { addressKeyOf } from "../address-key.ts";
import type { CacheAddress } from "../exact-cache.ts";
import { Flights } from "./flights.ts";

/** KEYS[1] holds the leader. ARGV: request id, lifetime in ms; 0 ends the flight. */
const changeScript = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** One key for each flight. It may be evicted: then a second request leads, and its answer is paid too. */
export class RedisFlights extends Flights {
  readonly #redis: Redis;
  readonly #prefix: string;

  /** @param prefix the topic prefix, which separates installations on one server */
  constructor(redis: Redis, prefix = "") {
    super();
    this.#redis = redis;
    this.#prefix = prefix;
  }

  override async lead(
    address: CacheAddress,
    requestId: string,
    ttlMs: number,
  ): Promise<string | null> {
    const key = this.#keyOf(address);
    return askRedis(() => this.#redis.set(key, requestId, "PX", ttlMs, "NX", "GET"));
  }

  override async leaderOf(address: CacheAddress): Promise<string | null> {
    return askRedis(() => this.#redis.get(this.#keyOf(address)));
  }

  override async extend(address: CacheAddress, requestId: string, ttlMs: number): Promise<void> {
    await this.#change(address, requestId, ttlMs);
  }

  override async end(address: CacheAddress, requestId: string): Promise<void> {
    await this.#change(address, requestId, 0);
  }

  async #change(address: CacheAddress, requestId: string, ttlMs: number): Promise<void> {
    const call = { keys: [this.#keyOf(address)], args: [requestId, ttlMs] };
    await runScript(this.#redis, changeScript, [call]);
  }

  #keyOf(address: CacheAddress): string {
    return `${this.#prefix}${addressKeyOf(address)}:flight`;
  }
}
