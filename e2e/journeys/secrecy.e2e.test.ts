import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { allTopics, topics } from "@sluice/contracts";
import {
  KafkaUser,
  type Pipeline,
  serviceNames,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { askByHttp, askByKafka, type HttpAnswer } from "./secrecy-traffic.ts";

const canary = `canary-${randomBytes(8).toString("hex")}`;
const wrongSecret = randomBytes(24).toString("hex");

let pipeline: Pipeline;
let user: KafkaUser;
let answers: ReadonlyMap<string, HttpAnswer>;
/** All messages of each topic as text, including headers and keys, by the topic's name. */
const onTopics = new Map<string, string>();
let secrets: readonly string[];
/** Parts of the answers, which the simulator derives from the prompts. */
let answerCanaries: readonly string[];

beforeAll(async () => {
  pipeline = await startPipeline({
    environment: {
      SLUICE_SIMULATOR_SPEED: "10",
      SLUICE_LOG_LEVEL: "debug",
      SLUICE_ADAPTER_BREAKER_OPEN_MS: "500",
    },
  });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey, http } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  const secretsFolder = join(pipeline.dataDir, "secrets");
  const held = readdirSync(secretsFolder).map((name) => readFileSync(join(secretsFolder, name)));
  secrets = [...held.map((secret) => secret.toString("utf8").trim()), wrongSecret];

  answers = await askByHttp({ http, apiKey, canary, wrongSecret });
  const answered = await askByKafka(user, canary);
  const responded = await user.read(topics.inferenceResponded);
  await responded.until(({ requestId }) => answered.has(requestId), answered.size);
  const charged = await user.read(topics.costCharged);
  const completed = responded.records.flatMap(({ completed: each }) => each?.answer.choices ?? []);
  await charged.until(({ kind }) => kind === "reported", 2);
  await charged.until(({ kind }) => kind === "saving");
  const deadLetters = await user.readDeadLetters(topics.inferenceRequested);
  await deadLetters.until(() => true, 4);
  answerCanaries = completed.map(({ content }) => content?.slice(12, 60) ?? "").filter(Boolean);
  await readTopics();
}, 180_000);
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

async function readTopics(): Promise<void> {
  const readers = await Promise.all(
    allTopics.flatMap((topic) => [
      user.readBytes(topic),
      ...(topic.deadLetter ? [user.readDeadLetters(topic)] : []),
    ]),
  );
  let total = 0;
  await vi.waitFor(
    () => {
      const before = total;
      total = readers.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
      expect(readers.filter(hasMessages).length).toBeGreaterThanOrEqual(10);
      expect(total, "more is being read").toBe(before);
    },
    { timeout: 30_000, interval: 1_000 },
  );
  for (const { deliveries } of readers)
    for (const { topic, key, headers, value } of deliveries)
      onTopics.set(topic, [onTopics.get(topic), key, textOf(headers), value].join("\n"));
}

function hasMessages({ deliveries }: TopicReader<Buffer>): boolean {
  return deliveries.length > 0;
}

function textOf(headers: Readonly<Record<string, Buffer>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value.toString()}`)
    .join("\n");
}

/** Returns which of the strings occur in which of the texts. */
function findings(texts: ReadonlyMap<string, string>, wanted: readonly string[]): string[] {
  return [...texts].flatMap(([name, text]) =>
    wanted.filter((each) => text.includes(each)).map((each) => `${name}: ${each}`),
  );
}

function logs(): ReadonlyMap<string, string> {
  const folder = join(pipeline.dataDir, "logs");
  return new Map(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

async function adminAnswers(): Promise<ReadonlyMap<string, string>> {
  const addresses = [
    ...serviceNames.flatMap((name) =>
      ["/metrics", "/readyz", "/healthz"].map((path) => `${pipeline.admin(name)}${path}`),
    ),
    ...["tenant", "team", "feature", "user", "key", "model", "provider"].map(
      (by) => `${pipeline.admin("cost-accountant")}/costs?by=${by}`,
    ),
  ];
  const texts = addresses.map(async (url) => [url, await (await fetch(url)).text()] as const);
  return new Map(await Promise.all(texts));
}

test("the traffic gets every kind of answer, and the searched texts contain prompts and answers", () => {
  const statuses = Object.fromEntries([...answers].map(([name, { status }]) => [name, status]));
  expect(statuses).toMatchObject({
    whole: 200,
    stream: 200,
    hit: 200,
    "key-conflict": 409,
    "bad-json": 400,
    "unknown-parameter": 400,
    "unknown-model": 404,
    "too-large": 413,
    "wrong-key": 401,
    failing: 502,
    late: 504,
  });
  expect(answerCanaries.length).toBeGreaterThan(3);
  const prompts = findings(onTopics, [canary]).map((found) => found.split(":")[0]);
  expect(prompts).toEqual(
    expect.arrayContaining([
      "inference.requested",
      "inference.admitted",
      "inference.dispatched.realtime",
      "inference.requested.dead-letter",
    ]),
  );
  expect(findings(onTopics, answerCanaries).length).toBeGreaterThan(0);
  for (const name of serviceNames) expect(logs().get(`${name}.log`)).toContain('"level":"debug"');
});

test("no log of any process, at level debug, contains a prompt, an answer or a secret", () => {
  const texts = new Map([...logs(), ["supervisor", pipeline.supervisorLog.join("\n")]]);
  expect(findings(texts, [canary, ...answerCanaries, ...secrets])).toEqual([]);
});

test("no metric, health response or cost report contains a prompt, an answer or a secret", async () => {
  const texts = await adminAnswers();
  expect(texts.size).toBeGreaterThan(20);
  expect(findings(texts, [canary, ...answerCanaries, ...secrets])).toEqual([]);
});

test("every metric in the reference, on which alerts and panels depend, is served by a service", async () => {
  const reference = readFileSync(
    join(import.meta.dirname, "../../docs/reference/metrics.md"),
    "utf8",
  );
  const documented = [...reference.matchAll(/^\| `(\w+)` /gm)].map(([, metric = ""]) => metric);
  const served = [...(await adminAnswers()).values()].join("\n");
  expect(documented.length).toBeGreaterThan(25);
  expect(documented.filter((metric) => !served.includes(`# TYPE ${metric} `))).toEqual([]);
  for (const name of serviceNames)
    expect(await (await fetch(`${pipeline.admin(name)}/metrics`)).text()).toContain(
      'dependency_ready{dependency="',
    );
});

test("the topics of costs and attempts, which have long retentions, contain no prompt and no answer", () => {
  const kept = ["inference.attempted", "cost.metered", "cost.charged"];
  const texts = new Map(kept.map((name) => [name, onTopics.get(name) ?? ""]));
  for (const text of texts.values()) expect(text).not.toBe("");
  expect(findings(texts, [canary, ...answerCanaries])).toEqual([]);
});

test("an outcome contains no prompt", () => {
  const outcomes = new Map([["inference.responded", onTopics.get("inference.responded") ?? ""]]);
  expect(findings(outcomes, [canary])).toEqual([]);
});

test("no topic and no dead letter contains a secret", () => {
  expect(findings(onTopics, secrets)).toEqual([]);
});

test("no HTTP response, successful or not, contains a secret", () => {
  const bodies = new Map([...answers].map(([name, { body }]) => [name, body]));
  expect(findings(bodies, secrets)).toEqual([]);
});
