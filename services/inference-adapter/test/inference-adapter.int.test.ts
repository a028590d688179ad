import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CostMetered,
  type InferenceAttempted,
  type InferenceDispatched,
  type InferenceResponded,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  topics,
} from "@sluice/contracts";
import { RedisBudgets } from "@sluice/budgets";
import { attemptIdOf, priceOf } from "@sluice/domain";
import {
  decodeTokens,
  RedisAdmissions,
  RedisAttempts,
  RedisReplies,
  RedisRequests,
  refOfAdmitted,
  storedTopics,
  newReaderId,
} from "@sluice/request-state";
import { provision } from "@sluice/provisioning";
import { connectRedis, connectSubscriber, type Redis } from "@sluice/redis";
import { KafkaEventProducer, outgoing } from "@sluice/stage";
import { openBudgets, stackAddresses, TopicReader } from "@sluice/testing";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import {
  aCandidate,
  aDispatched,
  type DispatchedChanges,
} from "../src/attempt/dispatched.fixture.ts";
import {
  type BilledAttempt,
  type Simulator,
  startSimulator,
} from "../src/providers/wire/simulator.fixture.ts";
import { AdapterProcess } from "./adapter-process.ts";

const prefix = `adapter-${crypto.randomUUID().slice(0, 8)}.`;
const folder = mkdtempSync(join(tmpdir(), "adapter-"));
const leaseMs = 1_500;
const silenceMs = 1_000;
/** The rates of the simulator, so that its bill can be compared. */
const rates = { ...aCandidate().rates, cachedInputNanoUsd: 75_000_000n };
const small = aCandidate({ rates, provider: "acme_ai" });
const quantised = { ...small, variant: "small-q4", model: "sim-economy-q4" };
const patient = {
  SLUICE_ADAPTER_SILENCE_TIMEOUT_MS: "60000",
  SLUICE_ADAPTER_FIRST_BYTE_TIMEOUT_MS: "60000",
};

let simulator: Simulator;
let producer: KafkaEventProducer;
let intents: TopicReader<InferenceAttempted>;
let metered: TopicReader<CostMetered>;
let responded: TopicReader<InferenceResponded>;
let admissions: RedisAdmissions;
let replies: RedisReplies;
let records: RedisAttempts;
const connections: Redis[] = [];
const running = new Set<AdapterProcess>();

beforeAll(async () => {
  const { brokers, registryUrl, redisUrl } = stackAddresses();
  const connection = { brokers, topicPrefix: prefix, clientId: "adapter-suite" };
  await provision({ kafka: connection, registryUrl, partitions: 2, replication: 1 });
  const codecs = new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, prefix));
  await codecs.prepare([topics.inferenceDispatchedRealtime, ...storedTopics]);
  simulator = await startSimulator("sk-simulator");
  writeFileSync(join(folder, "sluice.yaml"), declarationsOf(simulator.url));
  producer = new KafkaEventProducer({ connection, codecs });
  intents = await TopicReader.open(connection, codecs, topics.inferenceAttempted);
  metered = await TopicReader.open(connection, codecs, topics.costMetered);
  responded = await TopicReader.open(connection, codecs, topics.inferenceResponded);
  const redis = connectRedis(redisUrl, { name: "adapter-suite", commandTimeoutMs: 500 });
  const subscriber = connectSubscriber(redisUrl, { name: "adapter-suite" });
  connections.push(redis, subscriber);
  const requests = new RedisRequests(redis, codecs, prefix);
  admissions = new RedisAdmissions(requests);
  replies = new RedisReplies(requests, subscriber);
  records = new RedisAttempts(requests);
  await vi.waitUntil(() => redis.status === "ready");
  await openBudgets(new RedisBudgets(redis, prefix), ["acme"]);
});

afterEach(async () => {
  // A stopped adapter leaves its group, so the next one gets its partitions immediately.
  await Promise.all([...running].map((adapter) => adapter.stop()));
  running.clear();
});

afterAll(async () => {
  await replies.close();
  await Promise.all([intents, metered, responded].map((reader) => reader.close()));
  await producer.close();
  for (const connection of connections) connection.disconnect();
  await simulator.stop();
  rmSync(folder, { recursive: true });
});

function declarationsOf(url: string): string {
  return `tenants: [{ id: acme }]
providers:
  - { id: acme_ai, baseUrl: "${url}/v1", keys: ["env:SUITE_PROVIDER_KEY"], simulated: true }
models:
  - id: small
    provider: acme_ai
    tier: economy
    contextWindow: 8000
    prices: [{ effectiveFrom: 2026-01-01, input: 0.15, output: 0.6 }]
`;
}

async function startAdapter(
  environment: Readonly<Record<string, string>> = {},
): Promise<AdapterProcess> {
  const adapter = await AdapterProcess.start({
    SLUICE_KAFKA_TOPIC_PREFIX: prefix,
    SLUICE_CONFIG: join(folder, "sluice.yaml"),
    SUITE_PROVIDER_KEY: "sk-simulator",
    SLUICE_ADAPTER_LEASE_MS: String(leaseMs),
    SLUICE_ADAPTER_SILENCE_TIMEOUT_MS: String(silenceMs),
    SLUICE_ADAPTER_FIRST_BYTE_TIMEOUT_MS: String(silenceMs),
    SLUICE_ADAPTER_DRAIN_MS: "500",
    ...environment,
  });
  running.add(adapter);
  return adapter;
}

/** Admits a request and publishes it as the dispatcher does. */
async function dispatch(changes: DispatchedChanges = {}): Promise<InferenceDispatched> {
  const admittedAt = Date.now();
  const dispatched = aDispatched({
    requestId: crypto.randomUUID(),
    candidates: [small, quantised],
    ...changes,
    admitted: { admittedAt, deadlineAt: admittedAt + 60_000, ...changes.admitted },
  });
  await admissions.admit([{ admitted: dispatched.admitted }]);
  await deliver(dispatched);
  return dispatched;
}

async function deliver(dispatched: InferenceDispatched): Promise<void> {
  await producer.send([outgoing(topics.inferenceDispatchedRealtime, dispatched)]);
}

const idOf = ({ admitted }: InferenceDispatched): string => admitted.request.requestId;

const attemptOf = (dispatched: InferenceDispatched, number: number): string =>
  attemptIdOf("acme", idOf(dispatched), dispatched.admitted.admittedAt, number);

const of =
  (dispatched: InferenceDispatched) =>
  ({ requestId }: { readonly requestId: string }): boolean =>
    requestId === idOf(dispatched);

async function outcomeOf(dispatched: InferenceDispatched): Promise<InferenceResponded> {
  const [outcome] = await responded.until(of(dispatched));
  return outcome!;
}

/**
 * Returns all meterings of a request, a moment after `count` have arrived, so that one too many is
 * noticed.
 */
async function meteredOf(dispatched: InferenceDispatched, count = 1): Promise<CostMetered[]> {
  await metered.until(of(dispatched), count);
  await sleep(300);
  return metered.records.filter(of(dispatched));
}

async function billOf(
  dispatched: InferenceDispatched,
  number: number,
): Promise<BilledAttempt | undefined> {
  const id = attemptOf(dispatched, number);
  return (await simulator.bill()).find(({ attemptId }) => attemptId === id);
}

async function untilCalled(dispatched: InferenceDispatched, number: number): Promise<void> {
  await expect.poll(() => billOf(dispatched, number), { timeout: 20_000 }).toBeDefined();
}

test("a redelivery publishes the same outcome again and calls no provider", async () => {
  await startAdapter();
  const dispatched = await dispatch({ prompt: "Pay once." });
  const outcome = await outcomeOf(dispatched);
  await deliver(dispatched);
  const [first, second] = await responded.until(of(dispatched), 2);
  expect(second).toEqual(first);
  expect(outcome).toMatchObject({
    outcome: "completed",
    attempts: 1,
    completed: { cache: "miss" },
  });
  // Usage that was acknowledged is no longer in the record, so it is published again only if the
  // redelivery was faster than the note of its publication.
  const [usage, ...repeated] = await meteredOf(dispatched);
  for (const again of repeated) expect(again).toEqual(usage);
  expect(usage).toMatchObject({ kind: "reported", attemptId: attemptOf(dispatched, 1) });
  const billed = await billOf(dispatched, 1);
  expect(billed).toMatchObject({ calls: 1, billedCalls: 1 });
  expect(String(priceOf(usage!.usage, rates))).toBe(billed?.costNanoUsd);
  expect(String(outcome.completed?.costNanoUsd)).toBe(billed?.costNanoUsd);
});

test("a live answer is written to the reply stream token by token, and then as the outcome", async () => {
  await startAdapter();
  const dispatched = await dispatch({ prompt: "Stream.", admitted: { reply: "live" } });
  const ref = { tenant: "acme", requestId: idOf(dispatched) };
  let text = "";
  let entries = 0;
  for await (const event of replies.follow(ref, newReaderId(), AbortSignal.timeout(20_000))) {
    if (event.kind !== "token") break;
    entries += 1;
    for (const choice of decodeTokens(event.payload).chunks.flat())
      text += (choice as { delta?: { content?: string } }).delta?.content ?? "";
  }
  const outcome = await outcomeOf(dispatched);
  expect(entries).toBeGreaterThan(1);
  expect(text).toBe(outcome.completed?.answer.choices[0]?.content);
  expect(await meteredOf(dispatched)).toMatchObject([{ kind: "reported" }]);
});

test("if the adapter is killed during a call, a second attempt is made and the first is left to the sweep", async () => {
  const doomed = await startAdapter(patient);
  const prompt = "[[fault:timeout-after-billing times=1]] killed";
  const dispatched = await dispatch({ prompt });
  await untilCalled(dispatched, 1);
  await doomed.kill();
  running.delete(doomed);
  await startAdapter();
  expect(await outcomeOf(dispatched)).toMatchObject({ outcome: "completed", attempts: 2 });
  expect(await meteredOf(dispatched)).toMatchObject([{ attemptNumber: 2, kind: "reported" }]);
  const announced = await intents.until(of(dispatched), 2);
  expect(announced.map(({ attemptNumber }) => attemptNumber)).toEqual([1, 2]);
  expect(await billOf(dispatched, 1)).toMatchObject({ calls: 1, billedCalls: 1 });
  expect(await billOf(dispatched, 2)).toMatchObject({ calls: 1, billedCalls: 1 });
}, 90_000);

test("if the adapter is killed during a call, a request with onDoubt fail ends without another call", async () => {
  const doomed = await startAdapter(patient);
  const dispatched = await dispatch({ prompt: "[[fault:hang]] once only", onDoubt: "fail" });
  await untilCalled(dispatched, 1);
  await doomed.kill();
  running.delete(doomed);
  await startAdapter();
  expect(await outcomeOf(dispatched)).toMatchObject({ refused: { code: "in_doubt" }, attempts: 1 });
  expect(await billOf(dispatched, 2)).toBeUndefined();
}, 90_000);

test("after a refusal the next candidate is called, and the refused attempt is metered as zero", async () => {
  await startAdapter();
  const dispatched = await dispatch({ prompt: "[[fault:429 times=1 retry-after=5]]" });
  expect(await outcomeOf(dispatched)).toMatchObject({
    attempts: 2,
    completed: { variant: "small-q4" },
  });
  expect(await meteredOf(dispatched, 2)).toMatchObject([
    { attemptNumber: 1, reason: "refused", kind: "reported", usage: { inputTokens: 0n } },
    { attemptNumber: 2, reason: "answered" },
  ]);
});

test("a stream that is cut is estimated close to its bill and is not begun again", async () => {
  await startAdapter();
  const dispatched = await dispatch({
    prompt: "[[fault:cut-stream after=20]]",
    admitted: { reply: "live" },
  });
  expect(await outcomeOf(dispatched)).toMatchObject({ refused: { code: "stream_interrupted" } });
  const [cut] = await meteredOf(dispatched);
  expect(cut).toMatchObject({ kind: "estimated", reason: "cut" });
  const billed = await billOf(dispatched, 1);
  expect(billed?.usage.outputTokens).toBe(20);
  expect(Number(cut?.usage.outputTokens)).toBeGreaterThan(10);
  expect(Number(cut?.usage.outputTokens)).toBeLessThan(40);
});

test("after a time-out the next candidate answers, and the timed-out attempt is left to the sweep", async () => {
  await startAdapter();
  const dispatched = await dispatch({ prompt: "[[fault:timeout-after-billing times=1]] late" });
  expect(await outcomeOf(dispatched)).toMatchObject({ outcome: "completed", attempts: 2 });
  expect(await meteredOf(dispatched)).toMatchObject([{ attemptNumber: 2 }]);
  expect(await billOf(dispatched, 1)).toMatchObject({ billedCalls: 1 });
});

test("a client that leaves ends the call, and the tokens that arrived are metered", async () => {
  await startAdapter();
  await simulator.script({ models: { "sim-economy": { tokensPerSecond: 2 } } });
  const dispatched = await dispatch({ prompt: "Leave.", admitted: { reply: "live" } });
  const ref = { tenant: "acme", requestId: idOf(dispatched) };
  const reader = newReaderId();
  for await (const event of replies.follow(ref, reader, AbortSignal.timeout(20_000)))
    if (event.kind === "token") break;
  await replies.cancel(ref, reader);
  expect(await outcomeOf(dispatched)).toMatchObject({ refused: { code: "client_closed" } });
  await simulator.script({});
  expect(await meteredOf(dispatched)).toMatchObject([{ kind: "estimated", reason: "cut" }]);
  await expect.poll(async () => (await billOf(dispatched, 1))?.open).toBe(0);
});

test("a rebalance during calls causes no second call", async () => {
  await startAdapter(patient);
  // The simulator runs at twenty times real time.
  await simulator.script({ models: { "sim-economy": { firstByteMs: 200_000 } } });
  const sent = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((nth) => dispatch({ prompt: `Slow ${nth}.`, candidates: [small] })),
  );
  await Promise.all(sent.map((dispatched) => untilCalled(dispatched, 1)));
  await startAdapter(patient);
  const outcomes = await Promise.all(sent.map(outcomeOf));
  await simulator.script({});
  expect(outcomes.map(({ outcome, attempts }) => [outcome, attempts])).toEqual(
    sent.map(() => ["completed", 1]),
  );
  for (const dispatched of sent)
    expect(await billOf(dispatched, 1)).toMatchObject({ calls: 1, billedCalls: 1 });
}, 60_000);

test("an adapter that was frozen beyond its lease is fenced, and both attempts are metered", async () => {
  const frozen = await startAdapter(patient);
  await simulator.script({ models: { "sim-economy": { firstByteMs: 40_000 } } });
  const dispatched = await dispatch({ prompt: "Frozen.", candidates: [small] });
  await untilCalled(dispatched, 1);
  frozen.freeze();
  await simulator.script({});
  await startAdapter();
  expect(await outcomeOf(dispatched)).toMatchObject({ outcome: "completed", attempts: 2 });
  frozen.thaw();
  const [first] = await metered.until(
    (record) => of(dispatched)(record) && record.attemptNumber === 1,
  );
  expect(first).toMatchObject({ kind: "reported", reason: "answered" });
  expect(await meteredOf(dispatched, 2)).toContainEqual(
    expect.objectContaining({ attemptNumber: 2, kind: "reported" }),
  );
  const outcomes = responded.records.filter(of(dispatched));
  expect(outcomes).toEqual(outcomes.map(() => outcomes[0]));
}, 90_000);

test("a stop waits for running calls, but not longer than the time to drain, and the others are recorded", async () => {
  const stopping = await startAdapter({ ...patient, SLUICE_ADAPTER_DRAIN_MS: "3000" });
  const quick = await dispatch({ prompt: "Quick." });
  const stuck = await dispatch({ prompt: "[[fault:hang]] stuck", admitted: { reply: "live" } });
  await untilCalled(stuck, 1);
  await untilCalled(quick, 1);
  expect(await stopping.stop()).toBeLessThan(8_000);
  running.delete(stopping);
  expect(await outcomeOf(quick)).toMatchObject({ outcome: "completed" });
  expect(responded.records.filter(of(stuck))).toEqual([]);
  const history = await records.history(refOfAdmitted(stuck.admitted));
  expect(history.attempts).toMatchObject([{ phase: "failed" }]);
});
