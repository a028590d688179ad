import { randomBytes } from "node:crypto";
import { topics } from "@sluice/contracts";
import {
  billBreaches,
  attributionBreaches,
  chargeBreaches,
  fetchBill,
  KafkaUser,
  outcomeBreaches,
  type Pipeline,
  spentNanoUsd,
  stackAddresses,
  startPipeline,
} from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runLoad, sendByHttp, sendByKafka } from "../load/mixed-load.ts";

const count = 2_000;
const run = randomBytes(3).toString("hex");

let pipeline: Pipeline;
let user: KafkaUser;

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "20" } });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

test(`after ${count} mixed requests the ledger equals the provider's bill to the nano-dollar`, async () => {
  const openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey: pipeline.demoKey });
  const [admitted, responded, charged] = await Promise.all([
    user.read(topics.inferenceAdmitted),
    user.read(topics.inferenceResponded),
    user.read(topics.costCharged),
  ]);

  const byKafka: string[] = [];
  await runLoad({
    ...{ count, run, concurrency: 40, perSecond: 250 },
    send: async (request) => {
      if (request.transport !== "kafka") return sendByHttp(openai, request, {});
      byKafka.push((await sendByKafka(user, request, run, Date.now() + 60_000)).requestId);
    },
  });
  const wanted = new Set(byKafka);
  await responded.until(({ requestId }) => wanted.has(requestId), wanted.size, 60_000);
  await expect
    .poll(() => outcomeBreaches(admitted.records, responded.records), { timeout: 30_000 })
    .toEqual([]);

  // Each provider call and each hit has its own charge.
  const bill = await fetchBill(pipeline.simulator);
  await expect
    .poll(() => billBreaches(charged.records, bill), { timeout: 30_000, interval: 250 })
    .toEqual([]);
  expect(chargeBreaches(charged.records)).toEqual([]);
  expect(attributionBreaches(admitted.records, charged.records)).toEqual([]);
  expect(bill.totalNanoUsd).toBeGreaterThan(0n);
  expect(spentNanoUsd(charged.records)).toBe(bill.totalNanoUsd);

  const costs = await fetch(`${pipeline.admin("cost-accountant")}/costs?by=tenant`);
  const spendNanoUsd = bill.totalNanoUsd.toString();
  expect(await costs.json()).toMatchObject({ total: { spendNanoUsd } });

  const completed = responded.records.filter(({ outcome }) => outcome === "completed");
  expect(completed.length).toBe(responded.records.length);
  expect(charged.records.filter(({ kind }) => kind === "saving").length).toBeGreaterThan(100);
  expect(charged.records.filter(({ kind }) => kind === "estimated")).toEqual([]);
}, 180_000);
