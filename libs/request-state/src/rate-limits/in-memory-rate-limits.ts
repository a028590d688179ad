import type { EpochMillis } from "@sluice/domain";
import type { InMemoryRequests } from "../in-memory/in-memory-requests.ts";
import { concurrencyRetryMs } from "../limits.ts";
import type { RequestRef } from "../ports.ts";
import {
  type AppliedLimit,
  type Bound,
  type CountedRequest,
  type Exceeded,
  type LimitState,
  type MeterState,
  RateLimits,
  type Taken,
} from "./rate-limits.ts";

const minuteMs = 60_000;
/** Sums of fractions are not exact. */
const tolerance = 1e-6;

interface Level {
  readonly level: number;
  readonly at: EpochMillis;
}

/** Fake of {@link RateLimits} for tests. Passes the same contract as the Redis adapter. */
export class InMemoryRateLimits extends RateLimits {
  readonly #requests: InMemoryRequests;
  readonly #levels = new Map<string, Level>();

  constructor(requests: InMemoryRequests) {
    super();
    this.#requests = requests;
  }

  override async take(requests: readonly CountedRequest[]): Promise<readonly Taken[]> {
    return requests.map((request) => this.#take(request));
  }

  override async release(ref: RequestRef): Promise<void> {
    this.#requests.giveBack(ref);
  }

  override async addTokens(
    tenant: string,
    limits: readonly AppliedLimit[],
    tokens: number,
  ): Promise<void> {
    for (const { scope, tokensPerMinute } of limits)
      if (tokensPerMinute !== null) this.#add(`${tenant} ${scope} tokens`, tokensPerMinute, tokens);
  }

  override async inFlight(tenants: readonly string[]): Promise<readonly number[]> {
    return tenants.map((tenant) => this.#requests.slotsOf(flightOf(tenant)).size);
  }

  #take(request: CountedRequest): Taken {
    const { ref, limits, tokens } = request;
    const { tenant } = ref;
    if (this.#requests.holdsSlots(ref)) return { kind: "granted", states: this.#states(request) };
    const exceeded = limits.flatMap((limit, index) => this.#exceeded(request, limit, index));
    const [by] = exceeded.toSorted((a, b) => waitOf(b) - waitOf(a));
    if (by) return { kind: "refused", by, states: this.#states(request) };
    for (const { scope, requestsPerMinute, tokensPerMinute, concurrency } of limits) {
      if (requestsPerMinute !== null)
        this.#add(`${tenant} ${scope} requests`, requestsPerMinute, 1);
      if (tokensPerMinute !== null) this.#add(`${tenant} ${scope} tokens`, tokensPerMinute, tokens);
      if (concurrency !== null) this.#hold(request, `${tenant} ${scope}`);
    }
    if (request.entersFlight) this.#hold(request, flightOf(tenant));
    return { kind: "granted", states: this.#states(request) };
  }

  #exceeded(
    { ref: { tenant }, tokens }: CountedRequest,
    { scope, requestsPerMinute, tokensPerMinute, concurrency }: AppliedLimit,
    limit: number,
  ): readonly Exceeded[] {
    const byMeter = (bound: Bound, perMinute: number | null, amount: number) => {
      if (perMinute === null) return [];
      const over = this.#level(`${tenant} ${scope} ${bound}`, perMinute) + amount - perMinute;
      if (over <= tolerance) return [];
      const retryAfterMs = amount > perMinute ? null : Math.ceil((over * minuteMs) / perMinute);
      return [{ limit, bound, retryAfterMs }];
    };
    const running = this.#requests.slotsOf(`${tenant} ${scope}`).size;
    const isFull = concurrency !== null && running >= concurrency;
    return [
      ...byMeter("requests", requestsPerMinute, 1),
      ...byMeter("tokens", tokensPerMinute, tokens),
      ...(isFull
        ? [{ limit, bound: "concurrency", retryAfterMs: concurrencyRetryMs } as const]
        : []),
    ];
  }

  #states({ ref: { tenant }, limits }: CountedRequest): readonly LimitState[] {
    const stateOf = (key: string, perMinute: number | null): MeterState | null => {
      if (perMinute === null) return null;
      const level = this.#level(key, perMinute);
      return {
        remaining: Math.max(0, Math.floor(perMinute - level + tolerance)),
        resetMs: Math.ceil((level * minuteMs) / perMinute),
      };
    };
    return limits.map(({ scope, requestsPerMinute, tokensPerMinute }) => ({
      requests: stateOf(`${tenant} ${scope} requests`, requestsPerMinute),
      tokens: stateOf(`${tenant} ${scope} tokens`, tokensPerMinute),
    }));
  }

  #hold({ ref, leaseMs }: CountedRequest, slots: string): void {
    this.#requests.holdSlot(ref, slots, this.#requests.clock.now() + leaseMs);
  }

  #level(key: string, perMinute: number): number {
    const { level, at } = this.#levels.get(key) ?? { level: 0, at: 0 };
    return Math.max(0, level - ((this.#requests.clock.now() - at) * perMinute) / minuteMs);
  }

  #add(key: string, perMinute: number, amount: number): void {
    const level = Math.max(0, this.#level(key, perMinute) + amount);
    this.#levels.set(key, { level, at: this.#requests.clock.now() });
  }
}

function flightOf(tenant: string): string {
  return `flight of ${tenant}`;
}

function waitOf({ retryAfterMs }: Exceeded): number {
  return retryAfterMs ?? Infinity;
}
