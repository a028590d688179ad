import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { hashOf } from "@sluice/domain";
import { connectRedis, type Redis, stateCommandTimeoutMs } from "@sluice/redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exactCacheContract } from "../src/exact-cache.contract.ts";
import { flightsContract } from "../src/flights/flights.contract.ts";
import { RedisFlights } from "../src/flights/redis-flights.ts";
import { RedisExactCache } from "../src/index.ts";
import { completedFixture } from "../src/records.fixture.ts";

const url = process.env["SLUICE_CACHE_REDIS_URL"] ?? process.env["SLUICE_REDIS_URL"]!;
const prefix = `${randomUUID()}.`;
let redis: Redis;
let cache: RedisExactCache;

beforeAll(async () => {
  redis = connectRedis(url, { name: "cache-suite", commandTimeoutMs: stateCommandTimeoutMs });
  await once(redis, "ready");
  cache = new RedisExactCache(redis, prefix);
});
afterAll(async () => {
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(...keys);
  redis.disconnect();
});

exactCacheContract("Redis", () => cache);
flightsContract("Redis", () => new RedisFlights(redis, prefix));

test("Redis expires an entry at its time, and the key begins with the tenant's hash", async () => {
  const address = { tenant: "acme", namespace: "default", cacheKey: "ttl" };
  const completedAt = Date.now();
  const expiresAt = completedAt + 60_000;
  await cache.store([
    { address, entry: { completed: completedFixture(), completedAt, expiresAt, requestId: "r1" } },
  ]);
  await cache.find([address]);
  const [key] = await redis.keys(`${prefix}${hashOf("acme")}:*`);
  expect(await redis.pexpiretime(key!)).toBe(expiresAt);
});

test("a value that is not an entry is not found, and does not fail the slice", async () => {
  const address = { tenant: "acme", namespace: "default", cacheKey: "foreign" };
  const completedAt = Date.now();
  const expiresAt = completedAt + 60_000;
  await cache.store([
    { address, entry: { completed: completedFixture(), completedAt, expiresAt, requestId: "r1" } },
  ]);
  for (const key of await redis.keys(`${prefix}*`)) await redis.set(key, "\u0000garbage");
  expect(await cache.find([address])).toEqual(new Map());
});

test("a cache without a server throws REDIS_UNAVAILABLE, which callers count as a miss", async () => {
  const nowhere = connectRedis("redis://127.0.0.1:1", { name: "cache-suite-nowhere" });
  const unreachable = new RedisExactCache(nowhere);
  const address = { tenant: "acme", namespace: "default", cacheKey: "k" };
  const outage = { code: "REDIS_UNAVAILABLE" };
  await expect(unreachable.find([address])).rejects.toMatchObject(outage);
  const entry = {
    completed: completedFixture(),
    completedAt: 0,
    expiresAt: Date.now() + 1_000,
    requestId: "r1",
  };
  await expect(unreachable.store([{ address, entry }])).rejects.toMatchObject(outage);
  nowhere.disconnect();
});
