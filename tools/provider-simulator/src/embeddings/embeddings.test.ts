import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { controlKeyHeader } from "../control-access.ts";
import { isObject, type JsonObject } from "../json.ts";
import { startSimulator, type RunningSimulator } from "../server.ts";

const key = "sk-simulator-test";
const controlKey = "control-test";
const headers = { [controlKeyHeader]: controlKey };
const model = "sim-embedding-small";

let simulator: RunningSimulator;
let openai: OpenAI;
beforeAll(async () => {
  const files = { scriptPath: undefined, billPath: undefined };
  simulator = await startSimulator({
    host: "127.0.0.1",
    port: 0,
    key,
    controlKey,
    speed: 50,
    ...files,
  });
  openai = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(() => simulator.close());
beforeEach(async () => void (await fetch(`${simulator.url}/bill`, { method: "DELETE", headers })));

it("the same input and model give the same embedding of length 1, as floats or as base64", async () => {
  const decoded = await openai.embeddings.create({ model, input: ["a river", "a lake"] });
  const floats = await openai.embeddings.create({
    ...{ model, input: ["a lake"], encoding_format: "float" },
  });
  const large = await openai.embeddings.create({ model: "sim-embedding-large", input: "a lake" });
  const [river, lake] = decoded.data.map(({ embedding }) => [...embedding]);
  expect(floats.data[0]?.embedding).toEqual(lake);
  expect(lake).toHaveLength(1_536);
  expect(Math.hypot(...lake!)).toBeCloseTo(1, 5);
  expect(lake).not.toEqual(river);
  expect(large.data[0]?.embedding).toHaveLength(3_072);
});

it("fewer dimensions give the beginning of the embedding, scaled to length 1", async () => {
  const [whole, short] = await Promise.all(
    [1_536, 8].map(async (dimensions) => {
      const { data } = await openai.embeddings.create({ model, input: "a river", dimensions });
      return [...data[0]!.embedding];
    }),
  );
  expect(short).toHaveLength(8);
  expect(Math.hypot(...short!)).toBeCloseTo(1, 5);
  expect(short![1]! / short![0]!).toBeCloseTo(whole![1]! / whole![0]!, 4);
});

it("the reported and billed tokens are those of the input, given as text or as token ids", async () => {
  const texts = await openai.embeddings.create({ model, input: ["two words", "one"] }, named("e1"));
  expect(texts.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  expect(await billOf("e1")).toMatchObject({
    ...{ status: "billed", reason: "answered", costNanoUsd: "60" },
    usage: { inputTokens: 3, outputTokens: 0 },
  });
  const tokens = await openai.embeddings.create({ model, input: [[1, 2, 3], [4]] });
  expect(tokens.usage.prompt_tokens).toBe(4);
  expect(tokens.data).toHaveLength(2);
  expect((await openai.embeddings.create({ model, input: [1, 2, 3] })).data).toHaveLength(1);
});

it("a fault marker in an input makes the call fail, and only computed embeddings are billed", async () => {
  const failing = (fault: string, name: string) =>
    openai.embeddings.create({ model, input: ["well", `[[fault:${fault}]]`] }, named(name));
  await expect(failing("429 times=1 retry-after=2", "f1")).rejects.toMatchObject({
    ...{ status: 429, code: "rate_limit_exceeded" },
  });
  await expect(failing("429 times=1 retry-after=2", "f1")).resolves.toMatchObject({});
  await expect(failing("500", "f2")).rejects.toMatchObject({ status: 500 });
  await expect(failing("cut-stream", "f3")).rejects.toBeInstanceOf(Error);
  expect(await billOf("f1")).toMatchObject({ calls: 2, billedCalls: 1 });
  expect(await billOf("f2")).toMatchObject({ billedCalls: 0, reason: "server-error" });
  expect(await billOf("f3")).toMatchObject({ billedCalls: 1, reason: "cut-stream" });
});

it("a marker in an input leaves out one embedding, which is billed nevertheless", async () => {
  const input = ["one", "two [[answer:vector-missing]]"];
  const { data, usage } = await openai.embeddings.create({ model, input }, named("m1"));
  expect(data).toHaveLength(1);
  expect(await billOf("m1")).toMatchObject({ usage: { inputTokens: usage.prompt_tokens } });
});

it("a request that OpenAI would refuse is refused with the same parameter and is not billed", async () => {
  const wrong = { model, input: "x" };
  const refused: readonly (readonly [object, string])[] = [
    [{ input: "" }, "input"],
    [{ input: [] }, "input"],
    [{ input: ["a", ""] }, "input"],
    [{ input: ["a", [1]] }, "input"],
    [{ input: Array.from({ length: 2_049 }, () => "a") }, "input"],
    [{ dimensions: 0 }, "dimensions"],
    [{ dimensions: 1_537 }, "dimensions"],
    [{ encoding_format: "hex" }, "encoding_format"],
    [{ model: "sim-economy" }, "model"],
  ];
  for (const [change, param] of refused)
    await expect(openai.embeddings.create({ ...wrong, ...change })).rejects.toMatchObject({
      ...{ status: 400, param },
    });
  await expect(
    openai.chat.completions.create({ model, messages: [{ role: "user", content: "x" }] }),
  ).rejects.toMatchObject({ status: 400, param: "model" });
  const bill = await json("/bill");
  expect(bill["attempts"]).toEqual([]);
});

function named(attemptId: string) {
  return { headers: { "x-client-request-id": attemptId } };
}

function billOf(attemptId: string): Promise<JsonObject> {
  return json(`/bill/${attemptId}`);
}

async function json(path: string): Promise<JsonObject> {
  const body: unknown = await (await fetch(`${simulator.url}${path}`, { headers })).json();
  if (!isObject(body)) throw new Error(`${path} does not return an object.`);
  return body;
}
