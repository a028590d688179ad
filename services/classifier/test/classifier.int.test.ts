import { randomBytes } from "node:crypto";
import { type INestApplicationContext } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import {
  type InferenceClassified,
  type InferenceMissed,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  topics,
} from "@sluice/contracts";
import { TransientFault } from "@sluice/domain";
import { provision } from "@sluice/provisioning";
import { parseConfig } from "@sluice/service-host";
import {
  type Delivery,
  type Effect,
  EventProducer,
  type KafkaConnection,
  KafkaEventProducer,
  KafkaTopicAdmin,
  outgoing,
  type Publishable,
  type RunningStage,
  runSliceStage,
  skip,
  SliceStage,
} from "@sluice/stage";
import { aMiss, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppModule } from "../src/app.module.ts";
import { ClassificationStage } from "../src/classification.stage.ts";
import { configSchema } from "../src/config.ts";
import { ClassifierMetrics } from "../src/metrics.ts";

const config = parseConfig(configSchema, {
  ...process.env,
  SLUICE_KAFKA_TOPIC_PREFIX: `classifier-${randomBytes(4).toString("hex")}.`,
  SLUICE_LOG_LEVEL: "error",
});
const connection: KafkaConnection = {
  brokers: config.SLUICE_KAFKA_BROKERS,
  topicPrefix: config.SLUICE_KAFKA_TOPIC_PREFIX,
  clientId: "classifier-test",
};
const settings = { fetchWaitMsMax: 100 };
const codecs = new RegistryTopicCodecs(
  new SchemaRegistryClient(config.SLUICE_REGISTRY_URL, connection.topicPrefix),
);
const producer = new KafkaEventProducer({ connection, codecs });
const collected: InferenceClassified[] = [];
let created: readonly string[] = [];
let collector: RunningStage;

/** Keeps the records that the classifier published. */
class CollectStage extends SliceStage<InferenceClassified> {
  override async process(
    slice: readonly Delivery<InferenceClassified>[],
  ): Promise<readonly Effect[]> {
    collected.push(...slice.map(({ record }) => record));
    return slice.map(() => skip("collected"));
  }
}

/** Publishes, and reports for the first send that the acknowledgement was lost. */
class ForgetfulProducer extends EventProducer {
  lost = 0;

  override async send(messages: readonly Publishable[]): Promise<void> {
    await producer.send(messages);
    if (this.lost > 0) return;
    this.lost += 1;
    throw new TransientFault("STAGE_BROKER_UNAVAILABLE", "The acknowledgement was lost.");
  }
}

beforeAll(async () => {
  const registryUrl = config.SLUICE_REGISTRY_URL;
  const options = { kafka: connection, registryUrl, partitions: 2, replication: 1 };
  ({ created } = await provision(options));
  collector = await runSliceStage(
    new CollectStage(),
    { connection, codecs, producer },
    { on: topics.inferenceClassified, group: "collector", settings },
  );
});

afterAll(async () => {
  await collector.stop();
  await producer.close();
  const admin = new KafkaTopicAdmin(connection);
  await admin.remove(created);
  await admin.close();
});

test("a redelivered message is published as the same record again", async () => {
  const forgetful = new ForgetfulProducer();
  const registry = new Registry();
  const stage = await runSliceStage(
    new ClassificationStage(new ClassifierMetrics(registry)),
    { connection, codecs, producer: forgetful },
    { on: topics.inferenceMissed, group: "classifier", settings },
  );
  await miss("r-1", "Write a python function that proves a theorem, step by step.");
  const both = await classifiedOf("r-1", 2);
  await stage.stop();

  expect(forgetful.lost).toBe(1);
  expect(both[1]).toEqual(both[0]);
  expect(both[0]).toMatchObject({
    admitted: { request: { requestId: "r-1" }, attribution: { tenant: "acme" } },
    lookup: aMiss,
    classification: { complexity: "complex" },
    decisions: [
      { stage: "cache-lookup", decision: "miss" },
      { stage: "classifier", decision: "complex" },
    ],
  });
});

test("the service continues after the committed offset, skips bytes that are not Avro, and counts both", async () => {
  const app = await start();
  await producer.send([
    {
      kind: "dead-letter",
      topic: topics.inferenceMissed.name,
      key: Buffer.from("k"),
      value: Buffer.from("not Avro"),
      headers: {},
      partition: 0,
    },
  ]);
  await Promise.all([miss("r-2", "Hello!"), miss("r-3", "What is the capital of France?")]);
  const found = [...(await classifiedOf("r-2", 1)), ...(await classifiedOf("r-3", 1))];
  expect(found.map(({ classification }) => classification.complexity)).toEqual([
    "simple",
    "simple",
  ]);
  const metrics = await app.get(Registry).metrics();
  expect(metrics).toContain('classified_requests_total{complexity="simple"} 2');
  expect(metrics).toMatch(/stage_faults_total\{[^}]*CONTRACT_UNDECODABLE[^}]*\} 1/);
  await app.close();
  expect(collected.filter(isOf("r-1"))).toHaveLength(2);
});

async function start(): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(AppModule.forRoot(config), { logger: false });
}

async function miss(requestId: string, content: string): Promise<void> {
  const [message] = aRequest().messages;
  const record: InferenceMissed = {
    admitted: anAdmission({
      request: aRequest({ requestId, messages: message ? [{ ...message, content }] : [] }),
    }),
    lookup: aMiss,
    decisions: [{ stage: "cache-lookup", decision: "miss", reasons: [], version: 0n }],
  };
  await producer.send([outgoing(topics.inferenceMissed, record)]);
}

async function classifiedOf(
  requestId: string,
  wanted: number,
): Promise<readonly InferenceClassified[]> {
  await expect
    .poll(() => collected.filter(isOf(requestId)).length, { timeout: 20_000 })
    .toBe(wanted);
  return collected.filter(isOf(requestId));
}

function isOf(requestId: string): (record: InferenceClassified) => boolean {
  return ({ admitted }) => admitted.request.requestId === requestId;
}
