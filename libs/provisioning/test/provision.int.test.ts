import { randomBytes } from "node:crypto";
import {
  type CostCharged,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  topics,
} from "@sluice/contracts";
import { TransientFault } from "@sluice/domain";
import { KafkaTopicAdmin } from "@sluice/stage";
import { afterAll, expect, test } from "vitest";
import { provision } from "../src/provision.ts";

const topicPrefix = `provision.${randomBytes(4).toString("hex")}.`;
const kafka = {
  brokers: process.env["SLUICE_KAFKA_BROKERS"]!.split(","),
  topicPrefix,
  clientId: "test",
};
const registryUrl = process.env["SLUICE_REGISTRY_URL"]!;
const options = { kafka, registryUrl, partitions: 2, replication: 1 };
let created: readonly string[] = [];

afterAll(async () => {
  const admin = new KafkaTopicAdmin(kafka);
  await admin.remove(created);
  await admin.close();
});

const charged = topics.costCharged;
const charge: CostCharged = {
  chargeId: "c",
  attemptId: "a",
  requestId: "r",
  kind: "reported",
  tags: {},
  attribution: { tenant: "t", team: "x", feature: "f", user: "u", key: "k", signature: "" },
  ...{ windows: [], runId: null },
  variant: "v",
  provider: "p",
  model: "m",
  tier: "economy",
  complexity: "simple",
  lane: "realtime",
  cache: "miss",
  calledAt: 1,
  chargedAt: 2,
  priceVersion: "v@1",
  usage: {
    inputTokens: 2n ** 60n,
    cachedInputTokens: null,
    cacheWriteTokens: null,
    cacheWriteHourTokens: null,
    outputTokens: 0n,
    reasoningTokens: null,
    otherTokens: {},
  },
  priceNanoUsd: 5n,
  amountNanoUsd: -5n,
};

test("a writer whose schema is not registered gets an error that says what to run", async () => {
  const codecs = new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, topicPrefix));
  await expect(codecs.prepare([charged])).rejects.toThrow('Run "sluice up"');
});

test("missing topics are created and schemas registered, and a second run changes nothing", async () => {
  const first = await provision(options);
  created = first.created;
  expect(first.created).toContain("inference.requested.dead-letter");
  expect(first.registered).toContain("cost.charged");
  expect(first.differences).toEqual([]);

  const second = await provision({ ...options, partitions: 3 });
  expect(second.created).toEqual([]);
  expect(second.differences).toContain("cost.metered: partitions is 2, not 3");
});

test("more replicas than brokers are refused before anything is created, with the variable to set", async () => {
  const impossible = { ...options, kafka: { ...kafka, topicPrefix: `${topicPrefix}none.` } };
  await expect(provision({ ...impossible, replication: 99 })).rejects.toMatchObject({
    code: "PROVISION_REPLICATION_IMPOSSIBLE",
    message: expect.stringMatching(
      /SLUICE_KAFKA_REPLICATION is 99, but the cluster has .* Set it to at most/,
    ),
  });
  const admin = new KafkaTopicAdmin(impossible.kafka);
  expect(await admin.describe(["inference.requested"])).toEqual([]);
  await admin.close();
});

test("a record that is encoded with the registry's schema is decoded exactly, to the last nano-dollar", async () => {
  const codecs = new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, topicPrefix));
  await codecs.prepare([charged]);
  expect(await codecs.decode(charged, codecs.encode(charged, charge))).toEqual(charge);
});

test("foreign bytes, unknown ids and other records are distinguished from an outage", async () => {
  const codecs = new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, topicPrefix));
  await codecs.prepare([charged]);
  const message = codecs.encode(charged, charge);
  const unknown = Buffer.from(message);
  unknown.writeUInt32BE(123_456_789, 1);

  const codeOf = (attempt: Promise<unknown>) =>
    attempt.then(
      () => "decoded",
      (error: { code: string }) => error.code,
    );
  expect(await codeOf(codecs.decode(charged, Buffer.from("{}")))).toBe("CONTRACT_UNDECODABLE");
  expect(await codeOf(codecs.decode(charged, unknown))).toBe("CONTRACT_SCHEMA_UNKNOWN");
  // It is a schema of another topic's subject.
  expect(await codeOf(codecs.decode(topics.inferenceAttempted, message))).toBe(
    "CONTRACT_SCHEMA_UNKNOWN",
  );

  const absent = new RegistryTopicCodecs(new SchemaRegistryClient("http://127.0.0.1:1"));
  await expect(absent.decode(charged, message)).rejects.toBeInstanceOf(TransientFault);
});
