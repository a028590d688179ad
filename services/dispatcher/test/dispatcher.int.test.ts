import { randomUUID } from "node:crypto";
import type { TestingModule } from "@nestjs/testing";
import { Test } from "@nestjs/testing";
import {
  defaultRequirements,
  type InferenceClassified,
  type InferenceDispatched,
  type InferenceResponded,
  topics,
} from "@sluice/contracts";
import { type Complexity } from "@sluice/domain";
import { Outcomes, refusedOutcome } from "@sluice/request-state";
import { parseConfig } from "@sluice/service-host";
import { EventProducer, outgoing } from "@sluice/stage";
import { ForgetfulProducer, SuiteTopics, type TopicReader } from "@sluice/testing";
import { aClassified, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppModule } from "../src/app.module.ts";
import { configSchema } from "../src/config.ts";

let suite: SuiteTopics;
let service: TestingModule;
let forgetful: ForgetfulProducer;
let dispatched: TopicReader<InferenceDispatched>;
let responses: TopicReader<InferenceResponded>;

beforeAll(async () => {
  suite = await SuiteTopics.open("dispatcher");
  // The first send to each topic reports a lost acknowledgement, so its message is redelivered.
  const { inferenceDispatchedRealtime, inferenceResponded } = topics;
  const forgotten = [inferenceDispatchedRealtime, inferenceResponded];
  forgetful = new ForgetfulProducer(suite.producer, forgotten);
  const config = parseConfig(configSchema, suite.environment);
  const module = await Test.createTestingModule({ imports: [AppModule.forRoot(config)] })
    .overrideProvider(EventProducer)
    .useValue(forgetful)
    .compile();
  [service, dispatched, responses] = await Promise.all([
    module.init(),
    suite.read(inferenceDispatchedRealtime),
    suite.read(inferenceResponded),
  ]);
});
afterAll(async () => {
  await service?.close();
  await suite?.close();
});

function classifiedRequest(
  request: Partial<ReturnType<typeof aRequest>> = {},
  complexity: Complexity = "simple",
): InferenceClassified {
  const admittedAt = Date.now();
  return aClassified({
    admitted: anAdmission({
      ...{ admittedAt, deadlineAt: admittedAt + 60_000 },
      request: aRequest({ requestId: randomUUID(), ...request }),
    }),
    classification: { complexity, score: 0.1, margin: 0.2, reasons: [] },
    decisions: [{ stage: "classifier", decision: complexity, reasons: [], version: 0n }],
  });
}

async function classify(...all: readonly InferenceClassified[]): Promise<void> {
  await suite.producer.send(all.map((each) => outgoing(topics.inferenceClassified, each)));
}

const idOf = ({ admitted }: InferenceClassified | InferenceDispatched) =>
  admitted.request.requestId;
const dispatchesOf = (request: InferenceClassified, count = 1) =>
  dispatched.until((each) => idOf(each) === idOf(request), count);
const responsesTo = (request: InferenceClassified, count = 1) =>
  responses.until(({ requestId }) => requestId === idOf(request), count);

test("a redelivery publishes the same candidates and the same decline again", async () => {
  const good = classifiedRequest();
  const wrong = classifiedRequest({ requirements: { ...defaultRequirements, lane: "batch" } });
  await classify(good, wrong);
  const candidates = await dispatchesOf(good, 2);
  const declines = await responsesTo(wrong, 2);
  expect(forgetful.waiting).toEqual([]);
  expect(candidates[1]).toEqual(candidates[0]);
  expect(declines[1]).toEqual(declines[0]);
});

test("a request is dispatched with its candidates in order, each with worst case, output limit and rates", async () => {
  const request = classifiedRequest({ parameters: '{"max_tokens":100}' }, "medium");
  await classify(request);
  const [record] = await dispatchesOf(request);
  const { candidates, inputTokens, lane } = record!.dispatch;
  expect(lane).toBe("realtime");
  expect(candidates.map(({ variant }) => variant)).toEqual(["middle", "large"]);
  const rates = { inputNanoUsd: 2_500_000_000n, outputNanoUsd: 10_000_000_000n };
  expect(candidates[0]).toMatchObject({ provider: "acme_ai", outputLimit: 100n, rates });
  expect(candidates[0]!.worstCaseNanoUsd).toBe(inputTokens * 2_500n + 100n * 10_000n);
  expect(record).toMatchObject({
    admitted: request.admitted,
    decisions: [{ stage: "classifier" }, { stage: "dispatcher", decision: "middle" }],
  });
});

test("a request that no variant fits is declined with the reason, and its neighbours are dispatched", async () => {
  const poor = classifiedRequest({ requirements: { ...defaultRequirements, maxCostNanoUsd: 1n } });
  const neighbour = classifiedRequest();
  await classify(poor, neighbour);
  const [outcome] = await responsesTo(poor);
  expect(outcome).toMatchObject({
    ...{ outcome: "declined", attempts: 0, completed: null },
    refused: { code: "no_variant_fits" },
    decisions: [{ stage: "classifier" }, { stage: "dispatcher", decision: "no_variant_fits" }],
  });
  expect(outcome?.refused?.reason).toContain("worst case");
  await dispatchesOf(neighbour);
  expect(dispatched.records.some((each) => idOf(each) === idOf(poor))).toBe(false);
});

test("a request that has ended already keeps its outcome, which the decline publishes again", async () => {
  const late = classifiedRequest({ model: "no-such-model" });
  const first = refusedOutcome(late.admitted, {
    ...{ kind: "failed", code: "internal_error", reason: "It ended elsewhere.", attempts: 1 },
    ...{ lookup: null, decisions: [], completedAt: Date.now() },
  });
  await service.get(Outcomes, { strict: false }).claim([first], "decision");
  await classify(late);
  expect(await responsesTo(late)).toEqual([first]);
});

test("a message that is not Avro is dead-lettered with its original bytes", async () => {
  const value = Buffer.from("not Avro");
  const deadLetters = await suite.readDeadLetters(topics.inferenceClassified);
  const topic = topics.inferenceClassified.name;
  const key = Buffer.from("k");
  await suite.producer.send([
    { kind: "dead-letter", topic, key, value, headers: {}, partition: 0 },
  ]);
  const [deadLetter] = await deadLetters.until((bytes) => bytes.equals(value));
  expect(deadLetter).toEqual(value);
  const next = classifiedRequest();
  await classify(next);
  expect(await dispatchesOf(next)).toHaveLength(1);
});
