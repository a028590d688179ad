import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connectRedis, redisScript, runScript, tenantTagOf } from "@sluice/redis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type BudgetsHarness, describeBudgets } from "../src/contract/budgets.contract.ts";
import { describeChangedNeeds } from "../src/contract/changed-needs.contract.ts";
import { lastCentsContract } from "../src/contract/last-cents.contract.ts";
import { optionArguments, windowArguments } from "../src/redis/script-arguments.ts";
import { RedisBudgets } from "../src/redis/redis-budgets.ts";
import { budgetLua } from "../src/redis/scripts.ts";

const prefix = `budgets-${Date.now()}-`;
const redis = connectRedis(process.env["SLUICE_REDIS_URL"]!, {
  name: "budgets-test",
  commandTimeoutMs: 5_000,
});

beforeAll(async () => {
  await once(redis, "ready");
});

afterAll(() => redis.disconnect());

/** What the scripts of attempts do with a reservation. */
const claimScript = redisScript(
  budgetLua,
  `
local epoch = openEpoch(ARGV[1])
local windows, at = windowsFrom(4)
local option = optionsFrom(at)[1]
return claimReservation(ARGV[1], epoch, ARGV[2], ARGV[3], option, windows) or 0
`,
);
const releaseScript = redisScript(budgetLua, "return releaseOpen(ARGV[1], ARGV[2])");

const create = async (): Promise<BudgetsHarness> => ({
  budgets: new RedisBudgets(redis, prefix),
  claim: async ({ tenant, attemptId, dispatchedId, option }) => {
    const tag = tenantTagOf(prefix, tenant);
    const { candidate, windows } = option;
    const args = [
      ...[tag, attemptId, dispatchedId],
      ...windowArguments(tenant, windows, Date.now()),
      ...optionArguments([{ ...candidate, positions: [...windows.keys()] }]),
    ];
    const [reply] = await runScript(redis, claimScript, [{ keys: [`${tag}:budgets`], args }]);
    return reply === 0 ? null : "refused";
  },
  releaseOpen: async (tenant, attemptId) => {
    const tag = tenantTagOf(prefix, tenant);
    await runScript(redis, releaseScript, [{ keys: [`${tag}:budgets`], args: [tag, attemptId] }]);
  },
  lose: async (tenant) => {
    const keys = await redis.keys(`${tenantTagOf(prefix, tenant)}:*`);
    await redis.del(...keys);
  },
});

describeBudgets(create);
describeChangedNeeds(create);
lastCentsContract(create);

test("settlements are made in their order if Redis learns the script between two of them", async () => {
  const { budgets } = await create();
  const tenant = `tenant-${randomUUID()}`;
  const window = { budget: "team", scope: "", opensAt: null, closesAt: null };
  const limited = { ...window, limitNanoUsd: 1_000n, hard: true, version: 1n };
  const token = await budgets.begin(tenant);
  const empty = { settled: new Map<number, bigint>(), spent: [], open: [] };
  await budgets.restore(token, { tenant, epoch: 0, ...empty });
  // Another client loads the script after the first call of this pipeline.
  const pipeline = redis.pipeline();
  const call = pipeline.callBuffer.bind(pipeline);
  const firstUnknown = vi.spyOn(pipeline, "callBuffer");
  firstUnknown.mockImplementationOnce((name, _sha, ...args) => call(name, "0".repeat(40), ...args));
  vi.spyOn(redis, "pipeline").mockReturnValueOnce(pipeline);
  await budgets.settle(
    Array.from({ length: 250 }, (_, index) => ({
      ...{ tenant, attemptId: `attempt-${index}`, windows: [limited], amountNanoUsd: 1n },
      ...{ partition: 0, sequence: BigInt(index) + 1n, isNew: false },
    })),
  );
  expect(firstUnknown).toHaveBeenCalled();
  const [allowance] = await budgets.read(tenant, [limited]);
  expect(allowance?.spentNanoUsd).toBe(250n);
});
