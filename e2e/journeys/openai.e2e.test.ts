import { fetchBill, type Pipeline, startPipeline } from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

/* These tests use the official client, which has only another base URL and key. */

let pipeline: Pipeline;
let openai: OpenAI;

beforeAll(async () => {
  pipeline = await startPipeline({
    environment: { SLUICE_SIMULATOR_SPEED: "10", SLUICE_ADAPTER_BREAKER_OPEN_MS: "500" },
  });
  openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey: pipeline.demoKey, maxRetries: 0 });
});
afterAll(() => pipeline?.stop());

const ask = (content: string) => [{ role: "user" as const, content }];

test("a chat completion is answered, with its usage, and labelled as simulated", async () => {
  const { data, response } = await openai.chat.completions
    .create({ model: "auto", messages: ask("What is the capital of France?") })
    .withResponse();
  expect(data.choices[0]?.message.content).toMatch(/^\[simulated\]/);
  expect(data.usage!.total_tokens).toBe(data.usage!.prompt_tokens + data.usage!.completion_tokens);
  expect(response.status).toBe(200);
  expect(response.headers.get("x-sluice-cache")).toBe("miss");
  expect(response.headers.get("x-sluice-tier")).toBe("economy");
  expect(Number(response.headers.get("x-sluice-cost-usd"))).toBeGreaterThan(0);
});

test("a repeated question is an exact hit with the same text, whole or streamed", async () => {
  const question = { model: "auto", messages: ask("Name three rivers of Europe.") };
  const first = await openai.chat.completions.create(question);
  const words = first.choices[0]?.message.content;

  await expect
    .poll(async () => {
      const { response } = await openai.chat.completions.create(question).withResponse();
      return response.headers.get("x-sluice-cache");
    })
    .toBe("exact");
  const again = await openai.chat.completions.create(question);
  expect(again.choices[0]?.message.content).toBe(words);

  const stream = await openai.chat.completions.create({ ...question, stream: true });
  let streamed = "";
  for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? "";
  expect(streamed).toBe(words);
});

test("identical requests at the same time are one call of the provider, whole or streamed", async () => {
  const before = await fetchBill(pipeline.simulator);
  const question = { model: "premium", messages: ask("What do forty people ask at once?") };
  const whole = Array.from({ length: 20 }, async () => {
    const { data, response } = await openai.chat.completions.create(question).withResponse();
    return { text: data.choices[0]?.message.content, headers: response.headers };
  });
  const streamed = Array.from({ length: 20 }, async () => {
    const { data: chunks, response } = await openai.chat.completions
      .create({ ...question, stream: true })
      .withResponse();
    let text = "";
    for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? "";
    return { text, headers: response.headers };
  });
  const answers = await Promise.all([...whole, ...streamed]);
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  const caches = answers.map(({ headers }) => headers.get("x-sluice-cache"));
  expect(caches.filter((cache) => cache === "miss")).toHaveLength(1);
  expect(caches.filter((cache) => cache === "exact")).toHaveLength(39);
  const after = await fetchBill(pipeline.simulator);
  expect(after.attempts.size - before.attempts.size).toBe(1);
});

test("a stream delivers several chunks, and the usage if the client asks for it", async () => {
  const stream = await openai.chat.completions.create({
    model: "standard",
    messages: ask("Tell a story about a lighthouse."),
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);

  const words = chunks.map(({ choices }) => choices[0]?.delta.content ?? "");
  expect(words.filter((word) => word !== "").length).toBeGreaterThan(2);
  expect(chunks.filter(({ usage }) => usage)).toHaveLength(1);
  expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
});

test("the list of models has auto, the tiers and each variant, and simulated variants are labelled", async () => {
  const models = await openai.models.list();
  const owners = new Map(models.data.map((model) => [model.id, model.owned_by]));
  expect(owners.get("auto")).toBe("sluice");
  expect(owners.get("premium")).toBe("sluice");
  expect(owners.get("sim-premium")).toBe("simulator (simulated)");
  expect((await openai.models.retrieve("auto")).id).toBe("auto");
});

test("errors become the official client's error classes, with code and parameter", async () => {
  const wrongKey = new OpenAI({
    baseURL: `${pipeline.http}/v1`,
    apiKey: "sk-sluice-demo-wrong",
    maxRetries: 0,
  });
  await expect(wrongKey.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);

  const unknown = openai.chat.completions.create({ model: "gpt-nowhere", messages: ask("x") });
  await expect(unknown).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  await expect(unknown).rejects.toMatchObject({ code: "model_not_found", param: "model" });

  const hot = openai.chat.completions.create({
    model: "auto",
    messages: ask("x"),
    temperature: 3,
  });
  await expect(hot).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  await expect(hot).rejects.toMatchObject({ param: "temperature" });

  const batch = openai.chat.completions.create(
    { model: "auto", messages: ask("Later.") },
    { headers: { "x-sluice-lane": "batch" } },
  );
  await expect(batch).rejects.toMatchObject({ status: 400, code: "lane_unavailable" });
});

test("if all provider calls fail, the status is 502, even for a stream", async () => {
  const failing = { model: "premium", messages: ask("Fail. [[fault:500]]") };
  await expect(openai.chat.completions.create(failing)).rejects.toMatchObject({
    status: 502,
    code: "provider_failed",
  });
  await expect(
    openai.chat.completions.create({ ...failing, stream: true, seed: 1 }),
  ).rejects.toMatchObject({ status: 502 });
});

test("if the provider is busy once, the request is retried and answered", async () => {
  const answer = await openai.chat.completions.create({
    model: "auto",
    messages: ask("Busy once. [[fault:429 times=1]]"),
  });
  expect(answer.choices[0]?.finish_reason).toBe("stop");
});

test("an interrupted stream raises an error in the client and is not restarted", async () => {
  const stream = await openai.chat.completions.create({
    model: "premium",
    messages: ask("Break off. [[fault:cut-stream]]"),
    stream: true,
  });
  const read = async () => {
    let tokens = 0;
    for await (const chunk of stream) tokens += chunk.choices.length;
    return tokens;
  };
  await expect(read()).rejects.toBeInstanceOf(OpenAI.APIError);
});

test("a repeated idempotency key gets the same answer, or 409 if the body differs", async () => {
  const headers = { "idempotency-key": "order-66" };
  const body = { model: "economy", messages: ask("Once only."), temperature: 1 };
  const first = await openai.chat.completions.create(body, { headers });
  const second = await openai.chat.completions.create(body, { headers });
  expect(second).toEqual(first);

  const other = openai.chat.completions.create({ ...body, messages: ask("Else.") }, { headers });
  await expect(other).rejects.toBeInstanceOf(OpenAI.ConflictError);
});

test("if the provider never answers, the deadline ends the request with 504", async () => {
  const hanging = openai.chat.completions.create(
    { model: "economy", messages: ask("Hang. [[fault:hang]]") },
    { headers: { "x-sluice-deadline": "2" } },
  );
  await expect(hanging).rejects.toMatchObject({ status: 504, code: "deadline_exceeded" });
});
