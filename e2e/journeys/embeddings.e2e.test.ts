import { randomUUID } from "node:crypto";
import { topics } from "@sluice/contracts";
import {
  billBreaches,
  chargeBreaches,
  fetchBill,
  KafkaUser,
  outcomeBreaches,
  type Pipeline,
  spentNanoUsd,
  stackAddresses,
  startPipeline,
} from "@sluice/testing";
import { aRequest } from "@sluice/testing/fixtures";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embeddingParametersOfOpenAi, rowsUnder } from "./compatibility-table.ts";
import { embeddingCases, inputForms, refused } from "./embeddings-cases.ts";
import { callsOfPipeline, openReaders, type PipelineReaders } from "./pipeline-readers.ts";
import {
  type EmbeddingsRequest,
  declarations,
  EmbeddingsClient,
  floatsIn,
  model,
  otherSecret,
} from "./embeddings-client.ts";

let pipeline: Pipeline;
let user: KafkaUser;
let client: EmbeddingsClient;
let otherTenant: EmbeddingsClient;
let readers: PipelineReaders;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations,
    environment: {
      ...{ SLUICE_SIMULATOR_SPEED: "10", OTHER_SECRET: otherSecret },
      ...{ SLUICE_SWEEP_GRACE_SECONDS: "1", SLUICE_SWEEP_INTERVAL_SECONDS: "1" },
    },
  });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  readers = await openReaders(user);
  client = new EmbeddingsClient(pipeline);
  otherTenant = new EmbeddingsClient(pipeline, `sk-sluice-other-${otherSecret}`);
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

describe("the table in docs/reference/openai.md", () => {
  const rows = rowsUnder("Embeddings");
  const passed = rows.filter(({ handling }) => handling !== "refused");
  const forms = rowsUnder("Inputs");

  test("has a row for every parameter for which OpenAI's client has a type, and a test for every row", () => {
    const named = rows.map(({ parameter = "" }) => parameter).toSorted();
    expect(named).toEqual([...embeddingParametersOfOpenAi(), "anything_else"].toSorted());
    expect(passed.map(({ parameter = "" }) => parameter).toSorted()).toEqual(
      Object.keys(embeddingCases).toSorted(),
    );
    expect(forms.map(({ form }) => form)).toEqual(Object.keys(inputForms));
  });

  test.each(passed)(
    "$parameter arrives, and is in the cache key if the table says so",
    async (row) => {
      const { parameter = "" } = row;
      const { sent, other, arrives } = embeddingCases[parameter]!;
      const input = `about ${parameter} [[record:e-${parameter}]]`;
      await client.embed(sent(input));
      const { body } = await client.callAtProvider(`e-${parameter}`);
      expect(body[parameter]).toEqual(arrives(input));
      const own = ["encoding_format", "input", "model", ...Object.keys(sent(input))];
      expect(Object.keys(body).toSorted()).toEqual([...new Set(own)].toSorted());
      await client.untilHit(sent(input));
      expect((await client.embed(other(input))).cache).toBe(
        row["in key"] === "yes" ? "miss" : "exact",
      );
    },
  );

  test.each(forms)("$form makes embeddings", async ({ form = "" }) => {
    const [sent, arrives] = inputForms[form]!;
    const { embeddings, data } = await client.embed({ input: sent });
    expect([embeddings.length, data.data.map(({ index }) => index)]).toEqual([
      ...[arrives.length, arrives.map((_, index) => index)],
    ]);
    expect(data.usage.prompt_tokens).toBe(arrives.flat().length);
  });

  test("anything_else is refused, and the error names it", async () => {
    const request = { input: "a", anything_else: 1 };
    await expect(client.embed(request)).rejects.toMatchObject({
      ...{ status: 400, param: "anything_else", code: "unknown_parameter" },
    });
  });
});

describe("the official client", () => {
  test("gets an embedding of one input, with its usage and what it cost", async () => {
    const { data, embeddings, headers } = await client.embed({ input: "A river runs to the sea." });
    const list = { object: "list", model, data: [{ object: "embedding", index: 0 }] };
    expect(data).toMatchObject(list);
    expect(embeddings[0]).toHaveLength(1_536);
    expect(Math.hypot(...embeddings[0]!)).toBeCloseTo(1, 5);
    expect(data.usage).toEqual({ prompt_tokens: 7, total_tokens: 7 });
    expect(headers.get("x-sluice-cache")).toBe("miss");
    expect(headers.get("x-sluice-model")).toBe(model);
    expect(headers.get("x-sluice-tier")).toBe("economy");
    expect(headers.get("x-sluice-cost-usd")).toBe("0.00000014");
  });

  test("gets the embeddings of many inputs in their order, with the same values as for single inputs", async () => {
    const input = ["a lake", "a river", "a lake"];
    const { data, embeddings } = await client.embed({ input });
    expect(data.data.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(embeddings[0]).toEqual(embeddings[2]);
    expect(embeddings[1]).not.toEqual(embeddings[0]);
    const alone = await client.embed({ input: "a river" });
    expect(alone.embeddings).toEqual([embeddings[1]]);
  });

  test("gets the number of dimensions that it requests", async () => {
    const { embeddings } = await client.embed({ input: "a short embedding", dimensions: 12 });
    expect(embeddings[0]).toHaveLength(12);
    expect(Math.hypot(...embeddings[0]!)).toBeCloseTo(1, 5);
  });

  test("gets exactly the provider's embeddings, both as numbers and as base64", async () => {
    const input = ["bits of one", "bits of two"];
    const numbers = await client.embed({ input, encoding_format: "float" });
    const text = await client.base64(input);
    expect(text).toEqual(await client.base64OfProvider(input));
    const bits = numbers.embeddings.map((embedding) =>
      Buffer.from(Float32Array.from(embedding).buffer).toString("base64"),
    );
    expect(text).toEqual(bits);
  });

  test("gets the largest number of embeddings of one answer, from the provider and from the cache", async () => {
    const input = Array.from({ length: 256 }, (_, index) => `one of many: ${index}`);
    const { embeddings } = await client.embed({ input });
    expect(embeddings).toHaveLength(256);
    expect((await client.untilHit({ input })).embeddings).toEqual(embeddings);
    expect((await client.embed({ input, encoding_format: "float" })).embeddings).toEqual(
      embeddings,
    );
    expect((await client.embed({ input: input[255]! })).embeddings).toEqual([embeddings[255]]);
  });

  test("finds embedding models in the list, and simulated ones are labelled", async () => {
    const models = await client.openai.models.list();
    const owners = new Map(models.data.map(({ id, owned_by: owner }) => [id, owner]));
    expect(owners.get("sim-embedding-large")).toBe("simulator (simulated)");
    expect((await client.openai.models.retrieve(model)).id).toBe(model);
  });

  test("gets the same answer to the same idempotency key, and a conflict for another body", async () => {
    const headers = { "idempotency-key": "embeddings-66", "x-sluice-cache": "no-store" };
    const first = await client.embed({ input: "once only" }, headers);
    const second = await client.embed({ input: "once only" }, headers);
    expect(second.data).toEqual(first.data);
    expect(second.headers.get("x-sluice-request-id")).toBe(
      first.headers.get("x-sluice-request-id"),
    );
    await expect(client.embed({ input: "else" }, headers)).rejects.toBeInstanceOf(
      OpenAI.ConflictError,
    );
  });
});

describe("the response cache", () => {
  test("answers the same inputs at no cost, bit for bit, in any encoding", async () => {
    const input = ["kept for later", "and this too"];
    const first = await client.embed({ input });
    expect(first.cache).toBe("miss");
    const hit = await client.untilHit({ input });
    expect(hit.embeddings).toEqual(first.embeddings);
    expect(hit.data.usage).toEqual(first.data.usage);
    expect(Number(hit.headers.get("x-sluice-cost-usd"))).toBe(0);
    const numbers = await client.embed({ input, encoding_format: "float", user: "somebody" });
    expect(numbers.cache).toBe("exact");
    expect(numbers.embeddings).toEqual(first.embeddings);
  });

  test("has separate entries for another order, model or number of dimensions", async () => {
    const input = ["one of two", "two of two"];
    await client.embed({ input });
    await client.untilHit({ input });
    const others: readonly EmbeddingsRequest[] = [
      { input: input.toReversed() },
      { input: [input.join("")] },
      { input, dimensions: 8 },
      { input, model: "sim-embedding-large" },
    ];
    for (const other of others) expect((await client.embed(other)).cache).toBe("miss");
  });

  test("does not serve an answer to another tenant", async () => {
    const input = "a tenant's own words";
    await client.embed({ input });
    await client.untilHit({ input });
    expect((await otherTenant.embed({ input })).cache).toBe("miss");
  });

  test("is bypassed if the client says so", async () => {
    const input = "never kept";
    const always = { "x-sluice-cache": "no-store" };
    for (const _ of [1, 2]) expect((await client.embed({ input }, always)).cache).toBe("bypass");
  });
});

describe("if the provider", () => {
  test("is busy or has an error once, the request is retried and answered", async () => {
    for (const fault of ["429", "500"]) {
      const { embeddings } = await client.embed({ input: ["fails", `[[fault:${fault} times=1]]`] });
      expect(embeddings).toHaveLength(2);
    }
  });

  test("always fails, the request fails with provider_failed, and no other model is called", async () => {
    const before = await fetchBill(pipeline.simulator);
    const input = "[[fault:500]] always";
    await expect(client.embed({ input })).rejects.toMatchObject({
      ...{ status: 502, code: "provider_failed" },
    });
    const after = await fetchBill(pipeline.simulator);
    expect(after.totalNanoUsd).toBe(before.totalNanoUsd);
    expect(after.attempts.size - before.attempts.size).toBe(4);
  });

  test("sends an incomplete answer, the request is sent again, and both calls are paid", async () => {
    const input = "breaks off [[fault:cut-stream times=1]]";
    const { embeddings } = await client.embed({ input }, { "x-sluice-deadline": "10" });
    expect(embeddings[0]).toHaveLength(1_536);
  });

  test("does not return an embedding for each input, the call is paid and not repeated", async () => {
    const before = await fetchBill(pipeline.simulator);
    const input = ["here", "[[answer:vector-missing]]"];
    await expect(client.embed({ input })).rejects.toMatchObject({
      ...{ status: 502, code: "provider_failed" },
      message: expect.stringContaining("other embeddings than were asked for"),
    });
    const after = await fetchBill(pipeline.simulator);
    expect(after.attempts.size - before.attempts.size).toBe(1);
    expect(after.totalNanoUsd).toBeGreaterThan(before.totalNanoUsd);
  });

  test("returns embeddings that exceed the limit of an answer, the call is paid, and the error gives the remedy", async () => {
    const input = Array.from({ length: 129 }, (_, index) => `input ${index}`);
    await expect(client.embed({ input, model: "misdeclared" })).rejects.toMatchObject({
      ...{ status: 502, code: "provider_failed" },
      message: expect.stringContaining("Send fewer inputs at once"),
    });
  });
});

describe("a request is refused", () => {
  test.each(refused)("with $what", async ({ request, message, param, code = "invalid_value" }) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose
    const call = client.embed(request as EmbeddingsRequest);
    await expect(call).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(call).rejects.toMatchObject({ code, param });
    await expect(call).rejects.toThrow(message ?? /./);
  });

  test("with a model that is not declared", async () => {
    await expect(client.embed({ input: "a", model: "nowhere" })).rejects.toMatchObject({
      ...{ status: 404, code: "model_not_found", param: "model" },
    });
  });

  test("for a chat completion by an embedding model", async () => {
    const messages = [{ role: "user" as const, content: "Hello" }];
    const call = client.openai.chat.completions.create({ model, messages });
    await expect(call).rejects.toMatchObject({ ...{ status: 400, param: "model" } });
    await expect(call).rejects.toThrow(/makes embeddings and does not chat/);
  });

  test("with a maximum cost below the worst case", async () => {
    const headers = { "x-sluice-max-cost-usd": "0.000000001" };
    const call = client.embed({ input: "a cheap question" }, headers);
    await expect(call).rejects.toMatchObject({ ...{ status: 400, code: "no_variant_fits" } });
  });
});

describe("on Kafka", () => {
  const embeddingsOf = (changes: object) =>
    aRequest({
      requestId: randomUUID(),
      ...{ operation: "embeddings", model, messages: [], ...changes },
    });

  test("embeddings are returned as bytes in a response with all decisions, and are charged", async () => {
    const inputs = ["by Kafka one", "by Kafka two"];
    const request = embeddingsOf({ inputs });
    await user.request(request);
    const responses = await user.read(topics.inferenceResponded);
    const [response] = await responses.until(({ requestId }) => requestId === request.requestId);
    expect(response).toMatchObject({
      outcome: "completed",
      completed: { answer: { choices: [] } },
    });
    expect(response!.decisions).toMatchObject([
      { stage: "cache-lookup", decision: "miss" },
      { stage: "classifier", decision: "not-classified" },
      { stage: "dispatcher", decision: model },
      { stage: "inference-adapter", decision: model },
    ]);
    const embeddings = response!.completed!.answer.embeddings.map(floatsIn);
    expect((await client.untilHit({ input: inputs })).embeddings).toEqual(embeddings);

    const charges = await user.read(topics.costCharged);
    const [charge] = await charges.until(({ requestId }) => requestId === request.requestId);
    const { attempts } = await fetchBill(pipeline.simulator);
    expect(charge).toMatchObject({ kind: "reported", cache: "miss", variant: model });
    expect(charge!.amountNanoUsd).toBe(attempts.get(charge!.attemptId)?.costNanoUsd);
  });

  test("an answer that was paid over HTTP is a hit on Kafka too, and its saving is counted", async () => {
    const inputs = ["first by HTTP"];
    const { embeddings } = await client.embed({ input: inputs });
    await client.untilHit({ input: inputs });
    const request = embeddingsOf({ inputs });
    await user.request(request);
    const responses = await user.read(topics.inferenceResponded);
    const [response] = await responses.until(({ requestId }) => requestId === request.requestId);
    expect(response?.completed?.cache).toBe("exact");
    expect(response!.completed!.answer.embeddings.map(floatsIn)).toEqual(embeddings);
    const charges = await user.read(topics.costCharged);
    const [saving] = await charges.until(({ requestId }) => requestId === request.requestId);
    expect(saving).toMatchObject({ kind: "saving", amountNanoUsd: 0n });
    expect(saving!.priceNanoUsd).toBeGreaterThan(0n);
  });

  test("an invalid request is declined with a reason, and a request with a forged signature gets no response", async () => {
    const wrong = embeddingsOf({ inputs: ["a", ""] });
    const chatting = embeddingsOf({ inputs: ["a"], model: "sim-premium" });
    const forged = embeddingsOf({ inputs: ["Who pays for me?"] });
    const value = await user.request(forged, { "sluice-signature": "0".repeat(64) });
    await user.request(wrong);
    await user.request(chatting);
    const responses = await user.read(topics.inferenceResponded);
    const [first] = await responses.until(({ requestId }) => requestId === wrong.requestId);
    const [second] = await responses.until(({ requestId }) => requestId === chatting.requestId);
    expect(first).toMatchObject({ outcome: "declined", refused: { code: "invalid_value" } });
    expect(first!.refused!.reason).toContain("inputs.1");
    expect(second!.refused!.reason).toContain("makes no embeddings");
    const deadLetters = await user.readDeadLetters(topics.inferenceRequested);
    await deadLetters.until((bytes) => bytes.equals(value));
    expect(responses.records.some(({ requestId }) => requestId === forged.requestId)).toBe(false);
  });
});

test("after all these requests, each has one outcome, and the ledger equals the provider's bill", async () => {
  const { admitted, attempted, responded, charged } = readers;
  const { attempts, totalNanoUsd } = await fetchBill(pipeline.simulator);
  const own = callsOfPipeline(attempts);
  const callsWithoutIntent = () => {
    const intents = new Set(attempted.records.map(({ attemptId }) => attemptId));
    return own.filter(([id]) => !intents.has(id));
  };
  expect(own.length).toBeGreaterThan(30);
  await expect.poll(callsWithoutIntent).toEqual([]);
  const called = new Set(attempted.records.map(({ requestId }) => requestId));
  await expect
    .poll(() => admitted.records.filter(({ request }) => called.has(request.requestId)).length)
    .toBeGreaterThanOrEqual(called.size);
  await expect.poll(() => outcomeBreaches(admitted.records, responded.records)).toEqual([]);
  const modelOf = new Map(
    admitted.records.map(({ request }) => [request.requestId, request.model]),
  );
  const substitutes = attempted.records.filter(
    ({ requestId, variant }) => variant !== modelOf.get(requestId),
  );
  expect(substitutes).toEqual([]);

  const bill = { attempts: new Map(own), totalNanoUsd };
  await expect
    .poll(() => billBreaches(charged.records, bill), { timeout: 30_000, interval: 250 })
    .toEqual([]);
  expect(chargeBreaches(charged.records)).toEqual([]);
  // The cost of an incomplete answer is unknown, so the sweep estimates it once.
  const estimated = charged.records.filter(({ kind }) => kind === "estimated");
  expect(estimated.map(({ attemptId }) => bill.attempts.get(attemptId)?.reason)).toEqual([
    "cut-stream",
  ]);
  const known = own.filter(([, { reason }]) => reason !== "cut-stream");
  const billed = known.reduce((sum, [, { costNanoUsd }]) => sum + costNanoUsd, 0n);
  expect(billed).toBeGreaterThan(0n);
  expect(spentNanoUsd(charged.records)).toBe(billed + estimated[0]!.amountNanoUsd);
}, 60_000);
