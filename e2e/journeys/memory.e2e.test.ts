import { randomUUID } from "node:crypto";
import { topics } from "@sluice/contracts";
import { KafkaUser, type Pipeline, stackAddresses, startPipeline } from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { RedisMemory } from "./redis-memory.ts";

let pipeline: Pipeline;
let openai: OpenAI;
let user: KafkaUser;
let redis: RedisMemory;

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "10" } });
  const { brokers, registryUrl, redisUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey, maxRetries: 0 });
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  redis = new RedisMemory(redisUrl, topicPrefix);
});
afterEach(() => redis.expire(":"));
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

/** A prompt of 20 KB, of which nothing may stay in Redis. No two are equal, so none is a hit. */
const promptOf = (name: string) =>
  `Tell me about ${name}, ${randomUUID()}. ${"It is long. ".repeat(1_700)}`;

async function overHttp(stream: boolean, key?: string): Promise<void> {
  const messages = [{ role: "user" as const, content: promptOf("dams") }];
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const body = { model: "standard", messages };
  if (!stream) {
    await openai.chat.completions.create(body, { headers });
    return;
  }
  const chunks = await openai.chat.completions.create({ ...body, stream: true }, { headers });
  for await (const chunk of chunks) expect(chunk.object).toBe("chat.completion.chunk");
}

async function overKafka(): Promise<void> {
  const [message] = aRequest().messages;
  const messages = [{ ...message!, content: promptOf("weirs") }];
  const request = aRequest({ requestId: randomUUID(), messages });
  await user.request(request);
  const responses = await user.read(topics.inferenceResponded);
  await responses.until(({ requestId }) => requestId === request.requestId);
}

test.each([
  ["over HTTP", () => overHttp(false)],
  ["over HTTP as a stream", () => overHttp(true)],
  ["over HTTP with an idempotency key", () => overHttp(false, randomUUID())],
  ["over HTTP as a stream with an idempotency key", () => overHttp(true, randomUUID())],
  ["over Kafka", overKafka],
])(
  "a request %s that has ended costs Redis its answer and 1 KB, and 300 bytes when the answer has expired",
  async (_, request) => {
    await request();
    // What belongs to a stream is kept for some seconds after its last reader.
    await expect
      .poll(async () => (await redis.bytes()) - (await redis.answerBytes()), { timeout: 15_000 })
      .toBeLessThanOrEqual(1_024);
    expect(await redis.answerBytes()).toBeGreaterThan(0);
    await redis.expire(":answer:", ":join:");
    expect(await redis.keys()).toHaveLength(1);
    expect(await redis.bytes()).toBeLessThanOrEqual(300);
  },
);
