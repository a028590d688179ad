import { hashOf, partitionKeyOf } from "@sluice/domain";
import { listOf, numberOf, runScript, type ScriptReply, textOf } from "@sluice/redis";
import type { RequestRef } from "../ports.ts";
import type { RedisRequests } from "../redis/redis-requests.ts";
import {
  addTokensScript,
  inFlightScript,
  releaseScript,
  takeScript,
} from "./rate-limit-scripts.ts";
import {
  type AppliedLimit,
  type Bound,
  type CountedRequest,
  type LimitState,
  type MeterState,
  RateLimits,
  type Taken,
} from "./rate-limits.ts";

/** The members of a reply before the states, and the members of one state. */
const head = 3;
const stateLength = 4;

export class RedisRateLimits extends RateLimits {
  readonly #requests: RedisRequests;

  constructor(requests: RedisRequests) {
    super();
    this.#requests = requests;
  }

  override async take(requests: readonly CountedRequest[]): Promise<readonly Taken[]> {
    const calls = requests.map(({ ref, limits, tokens, leaseMs, entersFlight }) => ({
      keys: [
        this.#heldKeyOf(ref),
        this.#flightKeyOf(ref.tenant),
        ...limits.flatMap(({ scope }) => this.#keysOf(ref.tenant, scope)),
      ],
      args: [
        idOf(ref),
        Math.max(1, Math.ceil(leaseMs)),
        Math.ceil(tokens),
        entersFlight ? 1 : 0,
        ...limits.flatMap(({ requestsPerMinute, tokensPerMinute, concurrency }) => [
          requestsPerMinute ?? 0,
          tokensPerMinute ?? 0,
          concurrency ?? 0,
        ]),
      ],
    }));
    const replies = await runScript(this.#requests.redis, takeScript, calls);
    return replies.map((reply, index) => takenOf(listOf(reply), requests[index]!.limits.length));
  }

  override async release(ref: RequestRef): Promise<void> {
    const call = { keys: [this.#heldKeyOf(ref)], args: [idOf(ref)] };
    await runScript(this.#requests.redis, releaseScript, [call]);
  }

  override async addTokens(
    tenant: string,
    limits: readonly AppliedLimit[],
    tokens: number,
  ): Promise<void> {
    const metered = limits.flatMap(({ scope, tokensPerMinute }) =>
      tokensPerMinute === null ? [] : [{ key: this.#keysOf(tenant, scope)[0], tokensPerMinute }],
    );
    if (metered.length === 0) return;
    const args = [Math.round(tokens), ...metered.map(({ tokensPerMinute }) => tokensPerMinute)];
    const call = { keys: metered.map(({ key }) => key), args };
    await runScript(this.#requests.redis, addTokensScript, [call]);
  }

  override async inFlight(tenants: readonly string[]): Promise<readonly number[]> {
    const calls = tenants.map((tenant) => ({ keys: [this.#flightKeyOf(tenant)], args: [] }));
    const replies = await runScript(this.#requests.redis, inFlightScript, calls);
    return replies.map(numberOf);
  }

  /** Returns the keys of a limit's meter and of its slots. */
  #keysOf(tenant: string, scope: string): readonly [string, string] {
    const id = hashOf(scope);
    return [
      this.#requests.keyOf(tenant, `meter:${id}`),
      this.#requests.keyOf(tenant, `slots:${id}`),
    ];
  }

  #heldKeyOf(ref: RequestRef): string {
    return this.#requests.keyOf(ref.tenant, `held:${idOf(ref)}`);
  }

  #flightKeyOf(tenant: string): string {
    return this.#requests.keyOf(tenant, "flight");
  }
}

/** As in the key of the request, so that the script which sets its outcome finds what it holds. */
function idOf({ tenant, requestId }: RequestRef): string {
  return partitionKeyOf(tenant, requestId);
}

function takenOf(reply: readonly ScriptReply[], limits: number): Taken {
  const [refusedBy, bound, waitMs] = reply;
  const states = Array.from({ length: limits }, (_, index) =>
    stateOf(reply.slice(head + index * stateLength).map(numberOf)),
  );
  const limit = numberOf(refusedBy) - 1;
  if (limit < 0) return { kind: "granted", states };
  const ms = numberOf(waitMs);
  const by = { limit, bound: boundOf(textOf(bound)), retryAfterMs: ms < 0 ? null : ms };
  return { kind: "refused", by, states };
}

function boundOf(text: string): Bound {
  return text === "requests" || text === "tokens" ? text : "concurrency";
}

function stateOf([requests, requestsMs, tokens, tokensMs]: readonly number[]): LimitState {
  return { requests: meterOf(requests!, requestsMs!), tokens: meterOf(tokens!, tokensMs!) };
}

function meterOf(remaining: number, resetMs: number): MeterState | null {
  return remaining < 0 ? null : { remaining, resetMs };
}
