import { type Clock, type EpochMillis, SystemClock } from "@sluice/domain";
import { addressKeyOf } from "../address-key.ts";
import type { CacheAddress } from "../exact-cache.ts";
import { Flights } from "./flights.ts";

interface Leader {
  readonly requestId: string;
  readonly until: EpochMillis;
}

/** Fake of {@link Flights} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryFlights extends Flights {
  readonly #clock: Clock;
  readonly #leaders = new Map<string, Leader>();

  constructor(clock: Clock = new SystemClock()) {
    super();
    this.#clock = clock;
  }

  override async lead(
    address: CacheAddress,
    requestId: string,
    ttlMs: number,
  ): Promise<string | null> {
    const leader = this.#find(address);
    if (leader === null) this.#set(address, requestId, ttlMs);
    return leader;
  }

  override async leaderOf(address: CacheAddress): Promise<string | null> {
    return this.#find(address);
  }

  override async extend(address: CacheAddress, requestId: string, ttlMs: number): Promise<void> {
    if (this.#find(address) === requestId) this.#set(address, requestId, ttlMs);
  }

  override async end(address: CacheAddress, requestId: string): Promise<void> {
    if (this.#find(address) === requestId) this.#leaders.delete(addressKeyOf(address));
  }

  #find(address: CacheAddress): string | null {
    const leader = this.#leaders.get(addressKeyOf(address));
    return leader && leader.until > this.#clock.now() ? leader.requestId : null;
  }

  #set(address: CacheAddress, requestId: string, ttlMs: number): void {
    this.#leaders.set(addressKeyOf(address), { requestId, until: this.#clock.now() + ttlMs });
  }
}
