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
import { attemptIdOf } from "@sluice/domain";
import { Attempts, completedOutcome, refOfAdmitted } from "@sluice/request-state";
import { defaultCachePolicy, ExactCache, fillOf, lookupOf } from "@sluice/response-cache";
import { parseConfig } from "@sluice/service-host";
import { EventProducer, outgoing } from "@sluice/stage";
import { ForgetfulProducer, SuiteTopics, type TopicReader } from "@sluice/testing";
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
  // The first hit is published and then not known to be: it comes again.
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
  const module = await Test.createTestingModule({ imports: [AppModule.with(config)] })
    .overrideProvider(EventProducer)
    .useValue(producer)
    .compile();
  return module.init();
}

type Asked = Partial<Omit<InferenceAdmitted, "request">> & {
  readonly request?: Partial<InferenceAdmitted["request"]>;
};

/** A request that came by Kafka, so that nobody has asked the cache yet. */
function asking(content: string, { request, ...changed }: Asked = {}): InferenceAdmitted {
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

/** What a provider answered to it. */
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
  // Half a second can be a stall of a busy machine.
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
  const first = asking("Twice?");
  await putIntoCache(first);
  const again = asking("Twice?", { correlationId: "c-1" });
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

test("a miss goes on with where its answer is to be kept", async () => {
  const admitted = asking("New?");
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
] as const)(
  "a request is not answered from the cache for its %s",
  async (reason, request, fills) => {
    const admitted = asking(`Fresh for ${reason}?`, { request });
    await putIntoCache(asking(`Fresh for ${reason}?`));
    await admit(admitted);
    const [record] = await missOf(admitted);
    expect(record?.lookup).toMatchObject({ result: "bypass", reason, fills });
  },
);

test("what ingress has looked up is not looked up again", async () => {
  const lookup = lookupOf(asking("Known already?").request, defaultCachePolicy);
  const admitted = asking("Known already?", { lookup });
  await putIntoCache(admitted);
  await admit(admitted);
  expect((await missOf(admitted))[0]?.lookup).toEqual(lookup);
});

test("a hit stays a miss once an attempt is held: the attempt will end the request", async () => {
  const admitted = asking("Called already?");
  await putIntoCache(admitted);
  const ref = refOfAdmitted(admitted);
  await service.get(Attempts, { strict: false }).claim(ref, 1, "adapter-1", 10_000);
  await admit(admitted);
  expect((await missOf(admitted))[0]?.lookup.result).toBe("miss");
  expect(metered.records.some(responseTo(admitted))).toBe(false);
});

test("a provider's answer on inference.responded answers the next request, of its tenant only", async () => {
  const first = asking("Kept?");
  const answer = answerTo(first);
  await suite.producer.send([outgoing(topics.inferenceResponded, answer)]);
  const cache = service.get(ExactCache, { strict: false });
  const { address } = fillOf(answer)!;
  await expect.poll(async () => (await cache.find([address])).size, { timeout: 10_000 }).toBe(1);

  const next = asking("Kept?");
  const { attribution } = next;
  const stranger = asking("Kept?", { attribution: { ...attribution, tenant: "globex" } });
  await admit(next, stranger);
  const [hit] = await responses.until(responseTo(next));
  expect(hit?.completed?.answer).toEqual(answer.completed?.answer);
  expect((await missOf(stranger))[0]?.lookup.result).toBe("miss");
});

test("with the cache away every request is a miss, and none waits for it", async () => {
  const alone = await SuiteTopics.open("lookup-alone");
  const environment = { ...alone.environment, SLUICE_CACHE_REDIS_URL: "redis://127.0.0.1:9" };
  const cutOff = await start(environment, alone.producer);
  const itsMisses = await alone.read(topics.inferenceMissed);
  const admitted = asking("Anyway?");
  const message = outgoing(topics.inferenceAdmitted, admitted);
  const answer = outgoing(topics.inferenceResponded, answerTo(admitted));
  await alone.producer.send([answer, message]);
  const [record] = await itsMisses.until((each) => isOf(admitted, each));
  expect(record?.lookup).toMatchObject({ result: "miss", fills: true });
  await cutOff.close();
  await alone.close();
});
