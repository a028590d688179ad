import { randomUUID } from "node:crypto";
import type { InferenceAdmitted } from "@sluice/contracts";
import { KafkaUser, suiteKeys, SuiteTopics, type TopicReader } from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { admittedFor, chat, Edge, readAdmissions } from "./edge.ts";

let suite: SuiteTopics;
let edge: Edge;
let admissions: TopicReader<InferenceAdmitted>;
let limitBefore: string;

beforeAll(async () => {
  suite = await SuiteTopics.open("full-redis");
  [edge, admissions] = await Promise.all([Edge.start(suite.environment), readAdmissions(suite)]);
  limitBefore = await edge.limitRedis();
});
afterEach(async () => {
  await edge.limitRedis(limitBefore);
});
afterAll(async () => {
  await edge?.stop();
  await suite?.close();
});

const keyed = (key: string) => ({ "idempotency-key": key });

test("a full Redis refuses only new requests, at once, and admits them when it has room", async () => {
  const running = edge.post(chat("Running?"), keyed("running"));
  const admitted = await admittedFor(admissions, "Running?");
  const cached = edge.post(chat("Cached?"));
  await edge.fill(await edge.answer(await admittedFor(admissions, "Cached?")));
  await cached;

  // The server uses more than this as soon as it runs.
  await edge.limitRedis("1mb");
  const startedAt = performance.now();
  const refused = await edge.post(chat("New?"));
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await refused.json()).toMatchObject({ error: { code: "overloaded" } });
  expect(await edge.scrape()).toContain(
    'admission_decisions_total{decision="shed",reason="REDIS_OUT_OF_MEMORY"} 1',
  );

  const hit = await edge.post(chat("Cached?"));
  expect(hit.headers.get("x-sluice-cache")).toBe("exact");
  await edge.answer(admitted);
  expect((await running).status).toBe(200);
  expect((await edge.post(chat("Running?"), keyed("running"))).status).toBe(200);

  await edge.limitRedis(limitBefore);
  const again = edge.post(chat("New?"));
  await edge.answer(await admittedFor(admissions, "New?"));
  expect((await again).status).toBe(200);
});

test("a request over Kafka waits while Redis is full, and is admitted without an operator's help", async () => {
  const { brokers, topicPrefix } = suite.connection;
  const registryUrl = suite.environment["SLUICE_REGISTRY_URL"]!;
  const user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey: suiteKeys.acme });
  await edge.limitRedis("1mb");
  const request = aRequest({ requestId: randomUUID() });
  await user.request(request);
  await expect
    .poll(() => edge.scrape(), { timeout: 10_000 })
    .toMatch(/stage_faults_total\{stage="\S+",code="REDIS_OUT_OF_MEMORY"\} [1-9]/);
  const isOurs = ({ request: { requestId } }: InferenceAdmitted) => requestId === request.requestId;
  expect(admissions.records.some(isOurs)).toBe(false);
  await edge.limitRedis(limitBefore);
  const [admitted] = await admissions.until(isOurs);
  expect(admitted).toMatchObject({ request, origin: "kafka" });
  await user.close();
});

test("the memory of both Redis servers is a metric", async () => {
  const scraped = await edge.scrape();
  for (const server of ["redis", "cache-redis"])
    for (const metric of ["used", "limit"])
      expect(scraped).toMatch(new RegExp(`redis_memory_${metric}_bytes{server="${server}"} \\d+`));
});
