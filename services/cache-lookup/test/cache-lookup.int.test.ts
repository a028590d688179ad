import { randomUUID } from "node:crypto";
import type { TestingModule } from "@nestjs/testing";
import { Test } from "@nestjs/testing";
import {
  type CostMetered,
  type InferenceAdmitted,
  type InferenceMissed,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { RedisBudgets } from "@sluice/budgets";
import { attemptIdOf } from "@sluice/domain";
import { Attempts, completedOutcome, RedisRequests, refOfAdmitted } from "@sluice/request-state";
import { defaultCachePolicy, ExactCache, fillOf, lookupOf } from "@sluice/response-cache";
import { parseConfig } from "@sluice/service-host";
import { EventProducer, outgoing } from "@sluice/stage";
import { ForgetfulProducer, openBudgets, SuiteTopics, type TopicReader } from "@sluice/testing";
import { aCompletion, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppModule } from "../src/app.module.ts";
import { configSchema } from "../src/config.ts";

let suite: SuiteTopics;
let service: TestingModule;
let forgetful: ForgetfulProducer;
let missed: TopicReader<InferenceMissed>;
let responses: TopicReader<InferenceResponded>;
let metered: TopicReader<CostMetered>;

beforeAll(async () => {
  suite = await SuiteTopics.open("lookup");
  // The first send of a saving reports a lost acknowledgement, so the hit is redelivered.
  forgetful = new ForgetfulProducer(suite.producer, [topics.costMetered]);
  [service, missed, responses, metered] = await Promise.all([
    start(suite.environment, forgetful),
    suite.read(topics.inferenceMissed),
    suite.read(topics.inferenceResponded),
    suite.read(topics.costMetered),
  ]);
});
afterAll(async () => {
  await service?.close();
  await suite?.close();
});

async function start(
  environment: Readonly<Record<string, string>>,
  producer: EventProducer,
): Promise<TestingModule> {
  const config = parseConfig(configSchema, environment);
  const module = await Test.createTestingModule({ imports: [AppModule.forRoot(config)] })
    .overrideProvider(EventProducer)
    .useValue(producer)
    .compile();
  return module.init();
}

type RequestChanges = Partial<Omit<InferenceAdmitted, "request">> & {
  readonly request?: Partial<InferenceAdmitted["request"]>;
};

/** Returns a request from Kafka, which ingress has not looked up in the cache. */
function admittedRequest(
  content: string,
  { request, ...changed }: RequestChanges = {},
): InferenceAdmitted {
  const [message] = aRequest().messages;
  const admittedAt = Date.now();
  return anAdmission({
    ...{ admittedAt, deadlineAt: admittedAt + 60_000, origin: "kafka", remembered: true },
    request: aRequest({
      ...{ requestId: randomUUID(), messages: [{ ...message!, content }] },
      ...request,
    }),
    ...changed,
  });
}

async function admit(...all: readonly InferenceAdmitted[]): Promise<void> {
  await suite.producer.send(all.map((each) => outgoing(topics.inferenceAdmitted, each)));
}

/** Returns the outcome of a request that a provider has answered. */
function answerTo(admitted: InferenceAdmitted): InferenceResponded {
  return completedOutcome(admitted, {
    completed: aCompletion(),
    attempts: 1,
    lookup: lookupOf(admitted.request, defaultCachePolicy),
    decisions: [],
    completedAt: Date.now(),
  });
}

async function putIntoCache(admitted: InferenceAdmitted): Promise<void> {
  const cache = service.get(ExactCache, { strict: false });
  const fill = fillOf(answerTo(admitted))!;
  // A busy machine can stall for the half second of the time-out, so one failure is retried.
  await cache.store([fill]).catch(() => cache.store([fill]));
}

const missOf = (admitted: InferenceAdmitted) => missed.until((each) => isOf(admitted, each));
const isOf = (admitted: InferenceAdmitted, each: InferenceMissed) =>
  each.admitted.request.requestId === admitted.request.requestId &&
  each.admitted.attribution.tenant === admitted.attribution.tenant;
const responseTo =
  ({ request }: InferenceAdmitted) =>
  ({ requestId }: { readonly requestId: string }) =>
    requestId === request.requestId;

test("a hit that is redelivered publishes the same outcome and the same saving again", async () => {
  const first = admittedRequest("Twice?");
  await putIntoCache(first);
  const again = admittedRequest("Twice?", { correlationId: "c-1" });
  await admit(again);
  const both = await responses.until(responseTo(again), 2);
  const savings = await metered.until(responseTo(again), 2);
  expect(forgetful.waiting).toEqual([]);
  expect(both[1]).toEqual(both[0]);
  expect(savings[1]).toEqual(savings[0]);
  const { tenant } = again.attribution;
  const { requestId } = again.request;
  expect(savings[0]).toMatchObject({
    ...{ kind: "saving", cache: "exact", attemptNumber: 0, usage: { inputTokens: 14n } },
    attemptId: attemptIdOf(tenant, requestId, again.admittedAt, 0),
  });
  expect(both[0]).toMatchObject({
    ...{ outcome: "completed", attempts: 0, correlationId: "c-1" },
    completed: { cache: "exact", attemptId: null, costNanoUsd: 0n },
    lookup: { result: "exact" },
  });
  expect(missed.records.some((each) => isOf(again, each))).toBe(false);
});

test("a miss is forwarded with the address at which its answer will be stored", async () => {
  const admitted = admittedRequest("New?");
  await admit(admitted);
  const [record] = await missOf(admitted);
  expect(record).toMatchObject({
    admitted,
    lookup: { result: "miss", fills: true, ttlSeconds: 86_400, reason: null },
    decisions: [{ stage: "cache-lookup", decision: "miss" }],
  });
});

test.each([
  ["no_store", { cache: { mode: "no_store", ttlSeconds: null } }, false],
  ["refresh", { cache: { mode: "refresh", ttlSeconds: null } }, true],
  ["temperature", { parameters: '{"temperature":0.9}' }, false],
] as const)("a request bypasses the cache because of %s", async (reason, request, fills) => {
  const admitted = admittedRequest(`Fresh for ${reason}?`, { request });
  await putIntoCache(admittedRequest(`Fresh for ${reason}?`));
  await admit(admitted);
  const [record] = await missOf(admitted);
  expect(record?.lookup).toMatchObject({ result: "bypass", reason, fills });
});

test("a request that ingress has looked up is not looked up again", async () => {
  const lookup = lookupOf(admittedRequest("Known already?").request, defaultCachePolicy);
  const admitted = admittedRequest("Known already?", { lookup });
  await putIntoCache(admitted);
  await admit(admitted);
  expect((await missOf(admitted))[0]?.lookup).toEqual(lookup);
});

test("a hit becomes a miss if an attempt is held, because the attempt will end the request", async () => {
  const admitted = admittedRequest("Called already?");
  await putIntoCache(admitted);
  const ref = refOfAdmitted(admitted);
  const redis = service.get(RedisRequests, { strict: false }).redis;
  await openBudgets(new RedisBudgets(redis, suite.connection.topicPrefix), [ref.tenant]);
  await service.get(Attempts, { strict: false }).claim(ref, 1, "adapter-1", 10_000, null);
  await admit(admitted);
  expect((await missOf(admitted))[0]?.lookup.result).toBe("miss");
  expect(metered.records.some(responseTo(admitted))).toBe(false);
});

test("a provider's answer on inference.responded answers the next equal request of the same tenant only", async () => {
  const first = admittedRequest("Kept?");
  const answer = answerTo(first);
  await suite.producer.send([outgoing(topics.inferenceResponded, answer)]);
  const cache = service.get(ExactCache, { strict: false });
  const { address } = fillOf(answer)!;
  await expect.poll(async () => (await cache.find([address])).size, { timeout: 10_000 }).toBe(1);

  const next = admittedRequest("Kept?");
  const { attribution } = next;
  const otherTenant = admittedRequest("Kept?", {
    attribution: { ...attribution, tenant: "globex" },
  });
  await admit(next, otherTenant);
  const [hit] = await responses.until(responseTo(next));
  expect(hit?.completed?.answer).toEqual(answer.completed?.answer);
  expect((await missOf(otherTenant))[0]?.lookup.result).toBe("miss");
});

test("while the cache is unavailable every request is a miss and none waits for it", async () => {
  const alone = await SuiteTopics.open("lookup-alone");
  const environment = { ...alone.environment, SLUICE_CACHE_REDIS_URL: "redis://127.0.0.1:9" };
  const cutOff = await start(environment, alone.producer);
  const itsMisses = await alone.read(topics.inferenceMissed);
  const admitted = admittedRequest("Anyway?");
  const message = outgoing(topics.inferenceAdmitted, admitted);
  const answer = outgoing(topics.inferenceResponded, answerTo(admitted));
  await alone.producer.send([answer, message]);
  const [record] = await itsMisses.until((each) => isOf(admitted, each));
  expect(record?.lookup).toMatchObject({ result: "miss", fills: true });
  await cutOff.close();
  await alone.close();
});
