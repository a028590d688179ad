import { randomBytes, randomUUID } from "node:crypto";
import { defaultRequirements, type InferenceResponded, topics } from "@sluice/contracts";
import {
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
  type TopicReader,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { limitedTenants, secretVariable } from "./limited-tenants.ts";

/* Limits and fair shares through the running pipeline, with the official client and over Kafka. */

const secret = randomBytes(16).toString("hex");
const places = 8;
const inFlightMax = 10;

let pipeline: Pipeline;
let user: KafkaUser;
let neighbour: KafkaUser;
let responses: TopicReader<InferenceResponded>;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations: limitedTenants,
    environment: {
      [secretVariable]: secret,
      SLUICE_SIMULATOR_SPEED: "10",
      SLUICE_HTTP_WAITING_MAX: String(places),
      SLUICE_INTAKE_IN_FLIGHT_MAX: String(inFlightMax),
    },
  });
  user = kafkaUserOf("bob");
  neighbour = kafkaUserOf("neighbour");
  responses = await user.read(topics.inferenceResponded);
});
afterAll(async () => {
  await user?.close();
  await neighbour?.close();
  await pipeline?.stop();
});

function kafkaUserOf(key: string): KafkaUser {
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix } = pipeline;
  return new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey: apiKeyOf(key) });
}

function apiKeyOf(key: string): string {
  return key === "demo" ? pipeline.demoKey : `sk-sluice-${key}-${secret}`;
}

function clientOf(key: string, maxRetries = 0): OpenAI {
  return new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey: apiKeyOf(key), maxRetries });
}

function chat(content: string) {
  return { model: "economy", messages: [{ role: "user" as const, content }] };
}

/** Returns the error with which a request ends. */
async function errorOf(asking: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await asking;
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error;
    throw error;
  }
  throw new Error("The request was answered.");
}

async function outcomeOf(requestId: string): Promise<InferenceResponded> {
  const [outcome] = await responses.until((response) => response.requestId === requestId);
  return outcome!;
}

test("hits count in the limit of a key, and the official client waits for the time that a 429 states", async () => {
  const paced = clientOf("paced");
  const question = chat("How long is the Danube?");
  const first = await paced.chat.completions.create(question).withResponse();
  expect(first.response.headers.get("x-ratelimit-limit-requests")).toBe("30");
  expect(first.response.headers.get("x-ratelimit-remaining-requests")).toBe("29");
  expect(first.response.headers.get("x-ratelimit-reset-requests")).toMatch(/^(2|1\.9\d*)s$/);
  // Sequential, so that no more wait than there are places. Some of the limit is free again before all are sent.
  let refused: InstanceType<typeof OpenAI.APIError> | undefined;
  let answered = 1;
  while (!refused && answered < 60)
    try {
      await paced.chat.completions.create(question);
      answered += 1;
    } catch (error) {
      if (error instanceof OpenAI.APIError) refused = error;
    }
  expect(answered).toBeGreaterThanOrEqual(30);
  expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
  expect(refused).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
  expect(refused?.message).toContain('The limit "key paced" allows 30 requests per minute.');
  expect(Number(refused?.headers?.get("retry-after-ms"))).toBeLessThanOrEqual(2_000);
  const waited = await clientOf("paced", 2).chat.completions.create(question).withResponse();
  expect(waited.response.status).toBe(200);
});

test("a limit per user counts HTTP and Kafka together, and each user on their own", async () => {
  await clientOf("bob").chat.completions.create(chat("What does bob ask first?"));
  const [second, third] = [1, 2].map((number) => {
    const [message] = aRequest().messages;
    const content = `What does bob ask over Kafka, ${number}?`;
    return aRequest({ requestId: randomUUID(), messages: [{ ...message!, content }] });
  });
  await user.request(second!);
  expect(await outcomeOf(second!.requestId)).toMatchObject({ outcome: "completed" });
  await user.request(third!);
  const declined = await outcomeOf(third!.requestId);
  expect(declined).toMatchObject({
    outcome: "declined",
    refused: {
      code: "rate_limit_exceeded",
      reason: expect.stringContaining('The limit "users user=bob" allows 2 requests per minute.'),
    },
  });
  expect(declined.refused?.retryAfterMs).toBeGreaterThan(20_000);
  expect(declined.refused?.retryAfterMs).toBeLessThanOrEqual(30_000);

  const ann = await clientOf("ann").chat.completions.create(chat("What does ann ask?"));
  expect(ann.choices).toHaveLength(1);
  // A user of the same name in another tenant has no such limit.
  for (const number of [1, 2, 3])
    await clientOf("neighbour").chat.completions.create(
      chat(`What does the other ask, ${number}?`),
    );
});

test("the tokens of an answer are counted when it has arrived, whole or streamed", async () => {
  const tokens = clientOf("tokens");
  const remainingOf = ({ headers }: Response) =>
    Number(headers.get("x-ratelimit-remaining-tokens") ?? Number.NaN);
  const first = await tokens.chat.completions.create(chat("Name a lake.")).withResponse();
  expect(remainingOf(first.response)).toBeGreaterThan(99_900);
  const total = first.data.usage!.total_tokens;
  const streamed = await tokens.chat.completions
    .create({ ...chat("Name a river."), stream: true })
    .withResponse();
  const afterFirst = remainingOf(streamed.response);
  // What is forgotten meanwhile is at most what 100,000 tokens per minute are.
  expect(afterFirst).toBeLessThanOrEqual(100_000);
  expect(total).toBeGreaterThan(0);
  for await (const _ of streamed.data) continue;

  const tooMany = await errorOf(
    tokens.chat.completions.create({ ...chat("Write much."), n: 2, max_completion_tokens: 60_000 }),
  );
  expect(tooMany).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
  expect(tooMany.headers?.get("x-should-retry")).toBe("false");
  expect(tooMany.headers?.get("retry-after")).toBeNull();
});

test("a key with a concurrency of one has one request at a time, also if its client leaves", async () => {
  const single = clientOf("single");
  const leaves = new AbortController();
  const hanging = single.chat.completions.create(chat("Hang. [[fault:hang]]"), {
    signal: leaves.signal,
    headers: { "x-sluice-deadline": "6" },
  });
  const left = errorOf(hanging);
  await expect
    .poll(async () => (await errorOf(single.chat.completions.create(chat("Now?")))).code, {
      timeout: 5_000,
    })
    .toBe("rate_limit_exceeded");
  leaves.abort();
  await left;
  const stillRuns = await errorOf(single.chat.completions.create(chat("And now?")));
  expect(stillRuns.code).toBe("rate_limit_exceeded");
  const ended = async () => {
    const answer = single.chat.completions.create(chat(`Ended? ${randomUUID()}`));
    return answer.then(
      () => "answered",
      (error: unknown) => (error instanceof OpenAI.APIError ? error.code : "unknown"),
    );
  };
  await expect.poll(ended, { timeout: 20_000, interval: 200 }).toBe("answered");
});

test("an agent in a loop is stopped at once, and its other prompts are answered", async () => {
  const agent = clientOf("demo", 2);
  const prompt = chat("Is the task done?");
  let stopped: InstanceType<typeof OpenAI.APIError> | undefined;
  let steps = 0;
  while (!stopped && steps < 100)
    try {
      await agent.chat.completions.create(prompt, { headers: { "x-sluice-step": `s${steps}` } });
      steps += 1;
    } catch (error) {
      if (error instanceof OpenAI.APIError) stopped = error;
    }
  expect(steps).toBeGreaterThanOrEqual(40);
  expect(stopped).toMatchObject({ status: 429, code: "loop_detected" });
  expect(stopped?.message).toContain("sends the same prompt more than 40 times a minute");
  await agent.chat.completions.create(chat("What else is to do?"));
});

test("a tenant that fills all places with slow requests causes no 503 for another tenant", async () => {
  const demo = clientOf("demo");
  const slow = Array.from({ length: 2 * places }, (_, number) =>
    errorOf(
      demo.chat.completions.create(chat(`Slow ${number} [[fault:hang]]`), {
        headers: { "x-sluice-deadline": "8" },
      }),
    ),
  );
  const first = await Promise.race(slow);
  expect(first).toMatchObject({ status: 503, code: "overloaded" });
  for (const number of [1, 2, 3]) {
    const answer = await clientOf("neighbour").chat.completions.create(chat(`Quick, ${number}?`));
    expect(answer.choices).toHaveLength(1);
  }
  const codes = (await Promise.all(slow)).map(({ code }) => code);
  expect(codes.filter((code) => code === "overloaded")).toHaveLength(places);
});

test("over Kafka, a tenant above its share is shed, and another one's requests are answered", async () => {
  const deadlineAt = Date.now() + 10_000;
  const requests = Array.from({ length: 5 * inFlightMax }, (_, number) => {
    const [message] = aRequest().messages;
    const content = `Backlog ${number} [[fault:hang]]`;
    const requirements = { ...defaultRequirements, deadlineAt };
    return aRequest({
      requestId: randomUUID(),
      messages: [{ ...message!, content }],
      requirements,
    });
  });
  const demo = kafkaUserOf("demo");
  await Promise.all(requests.map((request) => demo.request(request)));
  const ids = new Set(requests.map(({ requestId }) => requestId));
  const shed = await responses.until(
    ({ requestId, refused }) => ids.has(requestId) && refused?.code === "shed",
    4 * inFlightMax,
  );
  expect(shed).toHaveLength(4 * inFlightMax);
  expect(shed[0]).toMatchObject({ outcome: "declined", refused: { retryAfterMs: 5_000 } });

  const own = Array.from({ length: 2 }, (_, number) => {
    const [message] = aRequest().messages;
    const content = `Among a backlog, ${number}?`;
    return aRequest({ requestId: randomUUID(), messages: [{ ...message!, content }] });
  });
  await Promise.all(own.map((request) => neighbour.request(request)));
  const outcomes = await Promise.all(own.map(({ requestId }) => outcomeOf(requestId)));
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["completed", "completed"]);
  // What was in flight ends by its deadline, and then the tenant is admitted again.
  const rest = await responses.until(
    ({ requestId }) => ids.has(requestId),
    requests.length,
    40_000,
  );
  expect(rest.filter(({ refused }) => refused?.code !== "shed")).toHaveLength(inFlightMax);
  await demo.close();
});
