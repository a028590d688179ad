import { randomBytes } from "node:crypto";
import { topics } from "@sluice/contracts";
import {
  fetchBill,
  KafkaUser,
  type Pipeline,
  spentNanoUsd,
  stackAddresses,
  startPipeline,
} from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type MixedRequest,
  promptOf,
  runLoad,
  sendByHttp,
  sendByKafka,
} from "../load/mixed-load.ts";
import { type OddAnswer, oddAnswerFor, oddAnswers } from "../load/odd-providers.ts";
import { untilSettled } from "../load/settled.ts";
import { twoProtocols } from "./two-protocols.ts";

const count = 2_000;
const run = randomBytes(3).toString("hex");
const models = [
  ...["auto", "economy", "sim-anthropic-economy", "standard"],
  ...["sim-anthropic-standard", "premium", "auto"],
];

let pipeline: Pipeline;
let user: KafkaUser;
let openai: OpenAI;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations: twoProtocols,
    environment: { SLUICE_SIMULATOR_SPEED: "20" },
  });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey, maxRetries: 0 });
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

/** Sends a request whose provider answers oddly. Returns what is wrong with its end, if anything is. */
async function askOddly({ number }: MixedRequest, odd: OddAnswer): Promise<string | undefined> {
  const { fault, model, stream, n, code } = odd;
  const ended = await codeOf(async () => {
    const body = {
      ...{ model, max_completion_tokens: 1_000, ...(n && { n }) },
      messages: [{ role: "user" as const, content: `${promptOf(number, run)} [[fault:${fault}]]` }],
    };
    if (stream) await openai.chat.completions.stream(body).done();
    else await openai.chat.completions.create(body);
  });
  return ended === code ? undefined : `${fault} of ${model} (stream: ${stream}): ${ended}`;
}

async function codeOf(ask: () => Promise<void>): Promise<string | undefined> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    return error instanceof OpenAI.APIError ? (error.code ?? error.message) : String(error);
  }
}

test(`after ${count} mixed requests over both protocols, of which a quarter meet odd answers, the ledger equals the bill`, async () => {
  const [admitted, responded, charged] = await Promise.all([
    user.read(topics.inferenceAdmitted),
    user.read(topics.inferenceResponded),
    user.read(topics.costCharged),
  ]);
  expect(count / 4).toBeGreaterThan(5 * oddAnswers.length);

  const byKafka: string[] = [];
  const wrong: string[] = [];
  await runLoad({
    ...{ count, run, models, concurrency: 40, perSecond: 200 },
    send: async (request) => {
      const odd = oddAnswerFor(request);
      if (odd) wrong.push((await askOddly(request, odd)) ?? "");
      else if (request.transport !== "kafka") await sendByHttp(openai, request, {});
      else byKafka.push((await sendByKafka(user, request, run, Date.now() + 60_000)).requestId);
    },
  });
  expect(wrong.filter((each) => each !== "")).toEqual([]);
  const wanted = new Set(byKafka);
  await responded.until(({ requestId }) => wanted.has(requestId), wanted.size, 60_000);
  await untilSettled({ admitted, responded, charged, simulator: pipeline.simulator }, 30_000);
  const bill = await fetchBill(pipeline.simulator);
  expect(charged.records.filter(({ kind }) => kind === "estimated")).toEqual([]);
  expect(spentNanoUsd(charged.records)).toBe(bill.totalNanoUsd);
  const spent = Map.groupBy(charged.records, ({ provider }) => provider);
  expect(spent.get("simulator.messages")?.length).toBeGreaterThan(400);
  expect(spent.get("simulator")?.length).toBeGreaterThan(800);

  const costs = await fetch(`${pipeline.admin("cost-accountant")}/costs?by=tenant`);
  const spendNanoUsd = bill.totalNanoUsd.toString();
  expect(await costs.json()).toMatchObject({ total: { spendNanoUsd } });
}, 180_000);
