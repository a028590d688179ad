import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { SluiceClient } from "@sluice/client";
import {
  type CostCharged,
  type InferenceRequested,
  type InferenceResponded,
  tenantTopicOf,
  tenantTopics,
  type Topic,
  topics,
} from "@sluice/contracts";
import {
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";

/* A tenant with topics of its own finds every outcome and every charge of its requests there, and nothing of others. */

const secret = "a-secret-of-both-tenants";
const local = readFileSync(new URL("../../infra/local/sluice.yaml", import.meta.url), "utf8");
/** `demo` has no topics of its own; the id of the second tenant with topics has every sign that an id may have. */
const declarations = local.replace(
  "providers:\n",
  `  - id: alpha
    ownTopics: true
    keys: [{ id: alpha, secret: env:TENANT_SECRET, team: ops, feature: search, user: bot }]
  - id: b.e_t4
    ownTopics: true
    keys: [{ id: beta, secret: env:TENANT_SECRET, team: ops, feature: search, user: bot }]

providers:
`,
);
const keyOf = (id: string): string => `sk-sluice-${id}-${secret}`;

let pipeline: Pipeline;
let responded: TopicReader<InferenceResponded>;
let charged: TopicReader<CostCharged>;
const users: KafkaUser[] = [];
const readers = new Map<string, TopicReader<Buffer>>();

function userWith(apiKey: string): KafkaUser {
  const { brokers, registryUrl } = stackAddresses();
  const user = new KafkaUser({ brokers, topicPrefix: pipeline.topicPrefix, registryUrl, apiKey });
  users.push(user);
  return user;
}

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations,
    environment: { SLUICE_SIMULATOR_SPEED: "10", TENANT_SECRET: secret },
  });
  const reading = userWith(pipeline.demoKey);
  const read: readonly Topic<unknown>[] = tenantTopics.flatMap((topic) => [
    topic,
    ...["alpha", "b.e_t4"].map((tenant) => tenantTopicOf(topic, tenant)),
  ]);
  [responded, charged] = await Promise.all([
    reading.read(topics.inferenceResponded),
    reading.read(topics.costCharged),
  ]);
  await Promise.all(
    read.map(async (topic) => readers.set(topic.name, await reading.readBytes(topic))),
  );
});
afterAll(async () => {
  await Promise.all(users.map((user) => user.close()));
  await pipeline?.stop();
});

function questionOf(content: string, changed: Partial<InferenceRequested> = {}) {
  const [message] = aRequest().messages;
  return aRequest({ requestId: randomUUID(), messages: [{ ...message!, content }], ...changed });
}

/** Returns the messages about a request on a topic: key, value and correlation id. */
function about(topic: string, requestId: string) {
  const { deliveries = [] } = readers.get(topic) ?? {};
  return deliveries
    .filter(({ value }) => value.includes(requestId))
    .map(({ key, value, headers }) => [
      key,
      value.toString("hex"),
      String(headers["correlation-id"]),
    ]);
}

async function untilAbout(topic: string, requestId: string, count = 1) {
  await expect.poll(() => about(topic, requestId).length, { timeout: 20_000 }).toBe(count);
  return about(topic, requestId);
}

/**
 * Asks until an outcome is as expected, at most fifty times. The cache is filled from Kafka, so that the first repeats of a
 * question can be misses.
 */
async function askUntil(
  apiKey: string,
  question: () => InferenceRequested,
  isExpected: (outcome: InferenceResponded) => boolean,
): Promise<{ readonly request: InferenceRequested; readonly outcome: InferenceResponded }> {
  const user = userWith(apiKey);
  for (let more = 49; ; more -= 1) {
    const request = question();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await user.request(request, { "correlation-id": "c-1" });
    // oxlint-disable-next-line no-await-in-loop -- as above
    const [outcome] = await responded.until(({ requestId }) => requestId === request.requestId);
    if (isExpected(outcome!) || more === 0) return { request, outcome: outcome! };
  }
}

const tooExpensive = { ...aRequest().requirements, maxCostNanoUsd: 0n };

test.each([
  ["an answer", {}, { completed: { cache: "miss" } }],
  ["a hit", {}, { completed: { cache: "exact" } }],
  ["a decline of ingress", { model: "gpt-17" }, { refused: { code: "model_not_found" } }],
  [
    "a decline of the dispatcher",
    { requirements: tooExpensive, cache: { mode: "no_store" as const, ttlSeconds: null } },
    { refused: { code: "no_variant_fits" } },
  ],
])("%s is on the tenant's topic as it is on the shared one", async (_, changed, expected) => {
  const { request, outcome } = await askUntil(
    keyOf("alpha"),
    () => questionOf("Which planet is the largest?", changed),
    (found) =>
      found.completed?.cache === ("completed" in expected ? expected.completed.cache : undefined),
  );
  expect(outcome).toMatchObject(expected);
  const shared = await untilAbout("inference.responded", request.requestId);
  expect(shared[0]?.[2]).toBe("c-1");
  expect(await untilAbout("inference.responded.alpha", request.requestId)).toEqual(shared);
  expect(about("inference.responded.b.e_t4", request.requestId)).toEqual([]);
});

test.each(["reported", "saving"])(
  "a charge of kind %s is on the topic of its tenant",
  async (kind) => {
    const { request } = await askUntil(
      keyOf("beta"),
      () => questionOf("How many moons has Mars?"),
      (found) => (found.completed?.cache === "exact") === (kind === "saving"),
    );
    const [charge] = await charged.until(({ requestId }) => requestId === request.requestId);
    expect(charge?.kind).toBe(kind);
    const shared = await untilAbout("cost.charged", request.requestId);
    expect(await untilAbout("cost.charged.b.e_t4", request.requestId)).toEqual(shared);
    expect(about("cost.charged.alpha", request.requestId)).toEqual([]);
  },
);

test("outcomes of a tenant without topics of its own are on the shared topic only", async () => {
  const request = questionOf("Who has no topics?");
  await userWith(pipeline.demoKey).request(request);
  await untilAbout("cost.charged", request.requestId);
  const everywhere = [...readers.keys()].filter(
    (name) => about(name, request.requestId).length > 0,
  );
  expect(everywhere.toSorted()).toEqual(["cost.charged", "inference.responded"]);
});

test("a client that names its tenant asks, and reads charges, over the tenant's topics", async () => {
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix } = pipeline;
  await using client = await SluiceClient.connect({
    ...{ brokers, registryUrl, topicPrefix, apiKey: keyOf("alpha"), tenant: "alpha" },
  });
  const charges = client.costs();
  await charges.begun();
  // The shared topics have the outcome of this request too, which the client must not see.
  const foreign = questionOf("Who else is charged?");
  await userWith(keyOf("beta")).request(foreign);
  await untilAbout("cost.charged", foreign.requestId);
  const answer = await client.ask({ messages: [{ role: "user", content: "Who is charged?" }] });
  for await (const charge of charges) {
    expect(charge).toMatchObject({ requestId: answer.requestId, attribution: { tenant: "alpha" } });
    break;
  }
});
