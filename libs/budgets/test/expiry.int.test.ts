import { once } from "node:events";
import type { Window } from "@sluice/domain";
import { connectRedis, tenantTagOf } from "@sluice/redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closedWindowKeptMs, idleRunKeptMs } from "../src/limits.ts";
import { RedisBudgets } from "../src/redis/redis-budgets.ts";
import { windowIdOf } from "../src/window-id.ts";

const prefix = `expiry-${Date.now()}-`;
const tenant = "acme";
const hourMs = 3_600_000;
const redis = connectRedis(process.env["SLUICE_REDIS_URL"]!, {
  name: "budgets-expiry-test",
  commandTimeoutMs: 5_000,
});
const budgets = new RedisBudgets(redis, prefix);
const opensAt = Date.now() - hourMs;
const windowOf = (changed: Partial<Window>): Window => ({
  ...{ budget: "team", scope: "", opensAt: null, closesAt: null },
  ...{ limitNanoUsd: 1_000n, hard: true, version: 1n },
  ...changed,
});
const day = windowOf({ budget: "day", opensAt, closesAt: Date.now() + hourMs });
const total = windowOf({ budget: "total" });
const run = windowOf({ budget: "run", scope: "run=r1" });
const keyOf = (window: Window) =>
  `${tenantTagOf(prefix, tenant)}:budget:${windowIdOf(tenant, window)}`;
const reserve = async (attemptId: string) => {
  const candidate = { variant: "small", worstCaseNanoUsd: 1n };
  const options = [{ candidate, windows: [day, total, run] }];
  await budgets.reserve([{ tenant, attemptId, deadlineAt: Date.now() + 1_000, options }]);
};

beforeAll(async () => {
  await once(redis, "ready");
  const token = await budgets.begin(tenant);
  const spent = [{ window: windowOf({ budget: "run", scope: "run=r0" }), spentNanoUsd: 1n }];
  const snapshot = { tenant, epoch: 0, settled: new Map<number, bigint>(), spent, open: [] };
  await budgets.restore(token, snapshot);
  await reserve("a1");
});

afterAll(() => redis.disconnect());

test("the counter of a period is kept for a while after it closes, and that of a total forever", async () => {
  const keptMs = await redis.pttl(keyOf(day));
  expect(keptMs).toBeGreaterThan(closedWindowKeptMs);
  expect(keptMs).toBeLessThanOrEqual(closedWindowKeptMs + hourMs);
  expect(await redis.pttl(keyOf(total))).toBe(-1);
});

test("the counter of a run is kept from its last use on, also one that was restored", async () => {
  await redis.pexpire(keyOf(run), 60_000);
  await reserve("a2");
  const restored = keyOf(windowOf({ budget: "run", scope: "run=r0" }));
  for (const key of [keyOf(run), restored])
    expect(await redis.pttl(key)).toBeGreaterThan(idleRunKeptMs - 60_000);
});
