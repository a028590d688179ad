import { randomUUID } from "node:crypto";
import {
  type CostCharged,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  topics,
} from "@sluice/contracts";
import { KafkaEventProducer, outgoing } from "@sluice/stage";
import {
  fetchBill,
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
} from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClientOptions, type Request, SluiceClient } from "../src/index.ts";

let pipeline: Pipeline;
let options: ClientOptions;
let client: SluiceClient;

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "10" } });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  options = { brokers, registryUrl, topicPrefix, apiKey };
  client = await SluiceClient.connect(options);
});
afterAll(async () => {
  await client?.close();
  await pipeline?.stop();
});

function question(content: string): Request {
  return { messages: [{ role: "user", content }] };
}

test("a request is answered with all fields of the contract", async () => {
  const response = await client.ask(question("Which planet is the largest?"), {
    headers: { "correlation-id": "mine-1" },
  });
  expect(response.completed.answer.choices[0]?.content).toMatch(/^\[simulated\]/);
  expect(response).toMatchObject({ outcome: "completed", correlationId: "mine-1", attempts: 1 });
  expect(response.requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("fifty requests at the same time each receive their own answer", async () => {
  const asked = Array.from({ length: 50 }, (_, index) => `What is ${index} plus one?`);
  const ids = asked.map(() => randomUUID());
  const responses = await Promise.all(
    asked.map((text, index) => client.ask({ ...question(text), requestId: ids[index]! })),
  );
  expect(responses.map(({ requestId }) => requestId)).toEqual(ids);
});

test("responses are read from the moment of the call, including those to other clients", async () => {
  const stop = new AbortController();
  const responses = client.responses({ signal: stop.signal });
  const requestId = await client.send(question("Sent, and read elsewhere."));
  const outcomes: string[] = [];
  for await (const response of responses) {
    if (response.requestId !== requestId) continue;
    outcomes.push(response.outcome);
    stop.abort();
  }
  expect(outcomes).toEqual(["completed"]);
});

test("costs returns each charge once, even if the topic has it twice, and its amount is the provider's", async () => {
  const response = await client.ask(question("What does this cost?"));
  const { attemptId } = response.completed;
  const charge = await chargeOf(response.requestId, client.costs({ from: "beginning" }));
  const { attempts } = await fetchBill(pipeline.simulator);
  expect(charge.amountNanoUsd).toBe(attempts.get(attemptId!)?.costNanoUsd);

  // Repeats a charge, as the accountant may after a crash.
  const signal = AbortSignal.timeout(10_000);
  const costs = client.costs({ signal });
  const last = { ...charge, chargeId: randomUUID() };
  // A send waits until readers know where they begin.
  await client.send(question("A moment later."));
  await publishCharges([charge, charge, charge, last]);
  const seen: string[] = [];
  for await (const { chargeId } of costs) {
    seen.push(chargeId);
    if (chargeId === last.chargeId) break;
  }
  expect(seen.filter((id) => id === charge.chargeId || id === last.chargeId)).toEqual([
    charge.chargeId,
    last.chargeId,
  ]);
});

test("a group continues at its position, and does not read processed records again", async () => {
  const group = `reader-${randomUUID()}`;
  const stop = new AbortController();
  const sent = await Promise.all(
    ["One.", "Two.", "Three."].map((text) => client.send(question(text))),
  );
  const missing = new Set(sent);
  for await (const { requestId } of client.responses({ group, signal: stop.signal }))
    // Aborts later, after the loop has requested the next record.
    if (missing.delete(requestId) && missing.size === 0) setTimeout(() => stop.abort(), 500);
  expect(missing.size).toBe(0);

  const later = await client.send(question("After the reader left."));
  const second: string[] = [];
  for await (const { requestId } of client.responses({ group })) {
    second.push(requestId);
    if (requestId === later) break;
  }
  expect(second).toEqual([later]);
});

test("a declined request is rejected with its code and reason", async () => {
  const hot = client.ask({ ...question("Too hot."), parameters: { temperature: 5 } });
  await expect(hot).rejects.toMatchObject({
    name: "RequestDeclined",
    code: "invalid_value",
    message: expect.stringContaining("temperature"),
    response: { outcome: "declined" },
  });
});

test("a request that no provider answers is rejected as failed, with the number of provider calls", async () => {
  const failing = { ...question("Fail. [[fault:500]]"), model: "premium" };
  await expect(client.ask(failing)).rejects.toMatchObject({
    name: "RequestFailed",
    code: "provider_failed",
    message: expect.stringMatching(/failed after \d provider call/),
  });
});

test("a call without a response in time is rejected, and a repeat joins the request without a second payment", async () => {
  const slow = { ...question("Slow. [[fault:hang]]"), requestId: randomUUID() };
  const patient = { ...slow, requirements: { deadlineAt: Date.now() + 4_000 } };
  await expect(client.ask(patient, { timeoutMs: 300 })).rejects.toMatchObject({
    name: "AnswerTimedOut",
    code: "CLIENT_NO_ANSWER",
    requestId: slow.requestId,
  });
  await expect(client.ask(patient)).rejects.toMatchObject({
    name: "RequestFailed",
    code: "deadline_exceeded",
  });
  const { attempts } = await fetchBill(pipeline.simulator);
  expect([...attempts.values()].filter(({ calls }) => calls > 1)).toEqual([]);
});

test("the timeout of a call is the request's deadline, after which Sluice stops its work", async () => {
  const responses = client.responses();
  const asked = { ...question("Too slow. [[fault:hang]]"), requestId: randomUUID() };
  await expect(client.ask(asked, { timeoutMs: 1_000 })).rejects.toMatchObject({
    code: "CLIENT_NO_ANSWER",
  });
  const codes: (string | undefined)[] = [];
  for await (const { requestId, refused } of responses) {
    if (requestId !== asked.requestId) continue;
    codes.push(refused?.code);
    break;
  }
  expect(codes).toEqual(["deadline_exceeded"]);
});

test("a request with a wrong secret gets no response, and the error names the topic of its dead letter", async () => {
  const forger = await SluiceClient.connect({ ...options, apiKey: "sk-sluice-demo-wrong" });
  const asking = forger.ask(question("Who pays?"), { timeoutMs: 3_000 });
  await expect(asking).rejects.toMatchObject({
    code: "CLIENT_NO_ANSWER",
    message: expect.stringContaining(`${pipeline.topicPrefix}inference.requested.dead-letter`),
  });
  const user = new KafkaUser({ ...options, topicPrefix: pipeline.topicPrefix });
  const letters = await user.readDeadLetters(topics.inferenceRequested);
  await letters.until(() => true);
  const codes = letters.deliveries.map(({ headers }) => headers["dead-letter-code"]?.toString());
  expect(codes).toContain("INTAKE_SIGNATURE_WRONG");
  await user.close();
  await forger.close();
});

test("an abort ends a call with its reason, and closing the client ends all calls", async () => {
  const other = await SluiceClient.connect(options);
  const aborted = other.ask(question("Stop. [[fault:hang]]"), { signal: AbortSignal.timeout(100) });
  await expect(aborted).rejects.toMatchObject({ name: "TimeoutError" });
  const hanging = other.ask(question("Closed. [[fault:hang]]"));
  const costs = other.costs().next();
  const closing = other.close();
  await expect(hanging).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
  await closing;
  expect(await costs).toEqual({ done: true, value: undefined });
  await expect(other.send(question("x"))).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
});

test("an unreachable server is named within the time limit", async () => {
  const nowhere = { ...options, brokers: ["127.0.0.1:9"], connectTimeoutMs: 500 };
  await expect(SluiceClient.connect(nowhere)).rejects.toMatchObject({
    code: "CLIENT_UNREACHABLE",
    message: expect.stringContaining("Kafka at 127.0.0.1:9"),
  });
  const unknown = { ...options, topicPrefix: "unknown.", connectTimeoutMs: 500 };
  await expect(SluiceClient.connect(unknown)).rejects.toMatchObject({
    code: "CLIENT_UNREACHABLE",
    remedy: expect.stringContaining("topicPrefix"),
  });
  await expect(SluiceClient.connect({ ...options, brokers: ["http://x"] })).rejects.toMatchObject({
    code: "CLIENT_MISCONFIGURED",
  });
});

test("a field of a wrong type is refused before anything is sent", async () => {
  // @ts-expect-error -- the contract has nano-dollars as bigint
  const wrong: Request = { ...question("x"), requirements: { maxCostNanoUsd: 1 } };
  await expect(client.send(wrong)).rejects.toMatchObject({ code: "CLIENT_REQUEST_INVALID" });
});

async function chargeOf(
  requestId: string,
  costs: AsyncIterable<CostCharged>,
): Promise<CostCharged> {
  for await (const charge of costs) if (charge.requestId === requestId) return charge;
  throw new Error(`There is no charge for ${requestId}.`);
}

async function publishCharges(charges: readonly CostCharged[]): Promise<void> {
  const { brokers, registryUrl, topicPrefix = "" } = options;
  const producer = new KafkaEventProducer({
    connection: { brokers, topicPrefix, clientId: "accountant" },
    codecs: new RegistryTopicCodecs(new SchemaRegistryClient(registryUrl, topicPrefix)),
  });
  await producer.send(
    // One key keeps them in this order.
    charges.map((charge) => ({ ...outgoing(topics.costCharged, charge), key: "one" })),
  );
  await producer.close();
}
