import { randomUUID } from "node:crypto";
import { topics } from "@sluice/contracts";
import {
  fetchBill,
  KafkaUser,
  type Pipeline,
  stackAddresses,
  startPipeline,
  TopicReader,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, expect, test } from "vitest";

let pipeline: Pipeline;
let user: KafkaUser;

beforeAll(async () => {
  pipeline = await startPipeline({ environment: { SLUICE_SIMULATOR_SPEED: "10" } });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

function questionOf(content: string): ReturnType<typeof aRequest> {
  const [message] = aRequest().messages;
  return aRequest({ requestId: randomUUID(), messages: [{ ...message!, content }] });
}

test("a signed request gets a response with the decisions of all stages, and is charged", async () => {
  const request = questionOf("Which planet is the largest?");
  await user.request(request, { "correlation-id": "mine-1" });

  const responses = await user.read(topics.inferenceResponded);
  const [response] = await responses.until(({ requestId }) => requestId === request.requestId);
  expect(response).toMatchObject({
    outcome: "completed",
    correlationId: "mine-1",
    attribution: { tenant: "demo", team: "platform", key: "demo" },
  });
  expect(response!.decisions.map(({ stage }) => stage)).toEqual(
    expect.arrayContaining(["cache-lookup", "classifier", "dispatcher", "inference-adapter"]),
  );
  const delivery = responses.deliveries.find(({ record }) => record === response);
  expect(delivery?.headers["correlation-id"]?.toString()).toBe("mine-1");

  const charges = await user.read(topics.costCharged);
  const [charge] = await charges.until(({ requestId }) => requestId === request.requestId);
  const { attempts } = await fetchBill(pipeline.simulator);
  expect(charge).toMatchObject({ kind: "reported", cache: "miss" });
  expect(charge!.amountNanoUsd).toBe(attempts.get(charge!.attemptId)?.costNanoUsd);
});

test("the same question under another id is a hit, and its saving is counted once", async () => {
  const responses = await user.read(topics.inferenceResponded);
  const charges = await user.read(topics.costCharged);
  const first = questionOf("How many moons has Mars?");
  await user.request(first);
  await responses.until(({ requestId }) => requestId === first.requestId);

  let hit: string | undefined;
  await expect
    .poll(async () => {
      const again = { ...first, requestId: randomUUID() };
      await user.request(again);
      const [response] = await responses.until(({ requestId }) => requestId === again.requestId);
      hit = again.requestId;
      return response?.completed?.cache;
    })
    .toBe("exact");
  const [saving] = await charges.until(({ requestId }) => requestId === hit);
  expect(saving).toMatchObject({ kind: "saving", amountNanoUsd: 0n });
  expect(saving!.priceNanoUsd).toBeGreaterThan(0n);
});

test("a wrong signature and undecodable bytes become dead letters with their bytes, and the next request is answered", async () => {
  const forged = questionOf("Who pays for me?");
  const value = await user.request(forged, { "sluice-signature": "0".repeat(64) });
  const garbage = Buffer.from("no Avro at all");
  await user.send(garbage, user.signatureOf(garbage), "garbage");
  const next = questionOf("Am I still heard?");
  await user.request(next);

  const responses = await user.read(topics.inferenceResponded);
  const [response] = await responses.until(({ requestId }) => requestId === next.requestId);
  expect(response?.outcome).toBe("completed");

  const deadLetters = await user.readDeadLetters(topics.inferenceRequested);
  const codeOf = (bytes: Buffer) => codeIn(deadLetters, bytes);
  await deadLetters.until((bytes) => bytes.equals(value));
  await deadLetters.until((bytes) => bytes.equals(garbage));
  expect(codeOf(value)).toBe("INTAKE_SIGNATURE_WRONG");
  expect(codeOf(garbage)).toBe("CONTRACT_UNDECODABLE");
  expect(responses.records.some(({ requestId }) => requestId === forged.requestId)).toBe(false);
});

test("an invalid request with a valid signature is declined with a reason", async () => {
  const wrong = { ...questionOf("Too hot."), parameters: '{"temperature":5}' };
  const late = {
    ...questionOf("Too late."),
    requirements: { ...aRequest().requirements, deadlineAt: Date.now() - 1_000 },
  };
  await user.request(wrong);
  await user.request(late);
  const responses = await user.read(topics.inferenceResponded);
  const [first] = await responses.until(({ requestId }) => requestId === wrong.requestId);
  const [second] = await responses.until(({ requestId }) => requestId === late.requestId);
  expect(first).toMatchObject({ outcome: "declined", refused: { code: "invalid_value" } });
  expect(first!.refused!.reason).toContain("temperature");
  expect(second).toMatchObject({ outcome: "declined", refused: { code: "deadline_exceeded" } });
});

test("a request that is sent several times is paid once and always gets the same response", async () => {
  const request = { ...questionOf("Twice the same."), parameters: '{"temperature":1}' };
  await user.request(request);
  await user.request(request);
  const responses = await user.read(topics.inferenceResponded);
  await responses.until(({ requestId }) => requestId === request.requestId);
  await user.request(request);
  const same = await responses.until(({ requestId }) => requestId === request.requestId, 2);
  expect(same[1]).toEqual(same[0]);
  const { attempts } = await fetchBill(pipeline.simulator);
  expect(attempts.get(same[0]!.completed!.attemptId!)?.calls).toBe(1);
});

function codeIn(deadLetters: TopicReader<Buffer>, bytes: Buffer): string | undefined {
  const deadLetter = deadLetters.deliveries.find(({ value }) => value.equals(bytes));
  return deadLetter?.headers["dead-letter-code"]?.toString();
}
