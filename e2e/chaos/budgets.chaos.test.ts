import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CostCharged, topics } from "@sluice/contracts";
import {
  billBreaches,
  distinct,
  fetchBill,
  KafkaUser,
  loseRedis,
  type Pipeline,
  type ProviderBill,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MixedRequest, runLoad, sendByHttp, sendByKafka } from "../load/mixed-load.ts";
import { BudgetSamples } from "../load/budget-samples.ts";

/* Budgets while processes are killed and frozen, and while Redis loses all of its data. */

const deadlineSeconds = 30;
const graceSeconds = 5;

const local = readFileSync(join(import.meta.dirname, "../../infra/local/sluice.yaml"), "utf8");
/** Small enough that the load meets each of them. */
const budgets = `
budgets:
  - { id: all, limitUsd: 2.5, period: month }
  - { id: premium, limitUsd: 1.2, period: day, selector: { tier: premium } }
  - { id: each_model, limitUsd: 1, period: week, each: [model] }
  - { id: total, limitUsd: 2.4, period: total, selector: { team: demo } }
`;

let pipeline: Pipeline;
let user: KafkaUser;
let openai: OpenAI;
let charged: TopicReader<CostCharged>;
let samples: BudgetSamples;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations: local + budgets,
    environment: {
      // The pipeline starts its own Redis: other suites share one, which must not lose its data.
      SLUICE_REDIS_URL: "",
      SLUICE_CACHE_REDIS_URL: "",
      SLUICE_SIMULATOR_SPEED: "3",
      SLUICE_SWEEP_GRACE_SECONDS: String(graceSeconds),
      SLUICE_SWEEP_INTERVAL_SECONDS: "1",
    },
  });
  await Promise.all([pipeline.startExtra("dispatcher"), pipeline.startExtra("inference-adapter")]);
  const { brokers, registryUrl } = stackAddresses();
  const { http, topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  openai = new OpenAI({ baseURL: `${http}/v1`, apiKey, maxRetries: 0, timeout: 60_000 });
  charged = await user.read(topics.costCharged);
  samples = new BudgetSamples(http, apiKey);
}, 120_000);
afterAll(async () => {
  samples?.stop();
  await user?.close();
  await pipeline?.stop();
});

const lose = () => loseRedis(pipeline.addresses.redis);

type Fault = () => Promise<unknown>;
const kill = (name: string) => () => pipeline.kill(name);

/** Faults after which the usage of every call is known, unless a process stalls for longer than a lease. */
const knownUsage: readonly Fault[] = [
  kill("dispatcher"),
  kill("cost-accountant"),
  kill("redis"),
  lose,
  () => pipeline.freeze("cost-accountant", 4_000),
  () => lose().then(kill("redis")),
  () => Promise.all([pipeline.kill("cost-accountant"), lose()]),
];

/** Sends requests while the faults happen, one after the other. Returns how many ended in which way. */
async function runUnder(
  faults: readonly Fault[],
  count: number,
  transportOf: (request: MixedRequest) => MixedRequest["transport"],
): Promise<ReadonlyMap<string, number>> {
  const run = `budgets-${randomBytes(3).toString("hex")}`;
  const results = new Map<string, number>();
  const note = (result: string) => results.set(result, (results.get(result) ?? 0) + 1);
  const load = runLoad({
    ...{ count, run, concurrency: 150, perSecond: 25 },
    send: async (mixed) => {
      const request = { ...mixed, transport: transportOf(mixed) };
      if (request.transport === "kafka") {
        await sendByKafka(user, request, run, Date.now() + deadlineSeconds * 1_000);
        return;
      }
      try {
        await sendByHttp(openai, request, { "x-sluice-deadline": String(deadlineSeconds) });
        note("200");
      } catch (error) {
        note(error instanceof OpenAI.APIError ? `${error.status} ${error.code}` : "broken");
      }
    },
  });
  for (const fault of faults) {
    // oxlint-disable-next-line no-await-in-loop -- one fault after the other
    await sleep(2_500);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await fault();
  }
  await load;
  return results;
}

/** Waits until every billed attempt is charged and nothing is reserved. Returns the budgets and the bill. */
async function settled() {
  const within = { timeout: (deadlineSeconds + graceSeconds + 40) * 1_000, interval: 1_000 };
  await expect
    .poll(async () => billBreaches(charged.records, await fetchBill(pipeline.simulator)), within)
    .toEqual([]);
  const reserved = async () =>
    (await samples.take()).filter(({ reservedNanoUsd }) => reservedNanoUsd !== 0n);
  await expect.poll(reserved, within).toEqual([]);
  return { budgets: await samples.take(), bill: await fetchBill(pipeline.simulator) };
}

/** Checks each budget against the ledger, and prints what happened. */
async function expectHeld(name: string, results: ReadonlyMap<string, number>) {
  const { budgets: found, bill } = await settled();
  const counted = [...results].map(([result, times]) => `${times} × ${result}`).join(", ");
  process.stderr.write(
    `budgets, ${name}: ${counted}; ${samples.count} samples, at most ${samples.mostUsedPercent} % of a limit; bill ${bill.totalNanoUsd}\n`,
  );
  expect(samples.breaches).toEqual([]);
  for (const { id, scope, spentNanoUsd } of found)
    expect([id, scope, spentNanoUsd]).toEqual([id, scope, ledgerOf(id, scope)]);
  // An estimate is an upper bound of what its attempt cost. Everything else is the bill, to the nano-dollar.
  const all = found.find(({ id }) => id === "all");
  expect(all!.spentNanoUsd - aboveBill(bill)).toBe(bill.totalNanoUsd);
}

test("when processes are killed and Redis loses its data, no budget exceeds its limit, and afterwards spent is the ledger, which is the bill", async () => {
  samples.start();
  // Whole answers: a call whose client leaves is cut, and what it cost is then an estimate.
  const results = await runUnder(knownUsage, 450, ({ transport }) =>
    transport === "http-stream" ? "http" : transport,
  );
  await expectHeld("known usage", results);
  // The test would prove nothing if the load had not met the budgets, or if nothing had been answered.
  expect(results.get("402 budget_exceeded") ?? 0).toBeGreaterThan(0);
  expect(results.get("200") ?? 0).toBeGreaterThan(50);
  expect(samples.count).toBeGreaterThan(100);
}, 200_000);

test("when adapters are killed during calls, each estimate is settled like a charge, and nothing stays reserved", async () => {
  const faults = [kill("inference-adapter"), lose, kill("inference-adapter")];
  const results = await runUnder(faults, 250, ({ transport }) => transport);
  await expectHeld("estimates", results);
  expect(distinct(charged.records).some(({ kind }) => kind === "estimated")).toBe(true);
  samples.stop();
}, 200_000);

/** By how much the estimates in the ledger are above what their attempts cost. */
function aboveBill({ attempts }: ProviderBill): bigint {
  const byAttempt = Map.groupBy(distinct(charged.records), ({ attemptId }) => attemptId);
  return [...byAttempt.values()]
    .filter((charges) => charges.every(({ kind }) => kind === "estimated"))
    .flat()
    .reduce((sum, { attemptId, amountNanoUsd }) => {
      const billed = attempts.get(attemptId)?.costNanoUsd ?? 0n;
      return sum + amountNanoUsd - billed;
    }, 0n);
}

/** What the ledger has charged in the windows of a budget. */
function ledgerOf(budget: string, scope: string): bigint {
  return distinct(charged.records)
    .filter(({ windows }) =>
      windows.some((window) => window.budget === budget && window.scope === scope),
    )
    .reduce((sum, { amountNanoUsd }) => sum + amountNanoUsd, 0n);
}
