import { readFileSync } from "node:fs";
import { type Pipeline, startPipeline } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatRequest, CompatibilityClient, questionOf } from "./compatibility-client.ts";
import { EmbeddingsClient } from "./embeddings-client.ts";

/* Members that OpenAI's API does not have, which some models of this pipeline are declared to take. */

const local = readFileSync(new URL("../../infra/local/sluice.yaml", import.meta.url), "utf8");
const taking = (yaml: string, model: string, ...names: readonly string[]) =>
  yaml.replace(
    `  - id: ${model}\n`,
    (line) => `${line}    requestMembers: [${names.join(", ")}]\n`,
  );
const declarations = [
  ["sim-economy", "top_k", "chat_template_kwargs"],
  ["sim-standard", "min_p"],
  ["sim-embedding-small", "input_type"],
].reduce((yaml, [model = "", ...names]) => taking(yaml, model, ...names), local);

let pipeline: Pipeline;
let client: CompatibilityClient;
let embeddings: EmbeddingsClient;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations,
    environment: { SLUICE_SIMULATOR_SPEED: "50" },
  });
  client = new CompatibilityClient(pipeline);
  embeddings = new EmbeddingsClient(pipeline);
});
afterAll(() => pipeline?.stop());

/** The official client passes on members that its types do not have. */
const ask = (name: string, members: object, model = "economy"): ChatRequest => ({
  ...{ model, messages: questionOf(name), ...members },
});
const modelOf = ({ headers }: { readonly headers: Headers }) => headers.get("x-sluice-model");
const fresh = { "x-sluice-cache": "no-store" };

test("they arrive as sent, whole and streamed, at the model that takes them and not at a cheaper one", async () => {
  const members = { chat_template_kwargs: { z: [1.5, null], a: "x" }, top_k: 5 };
  const answers = [
    await client.whole(ask("arrive", members), fresh),
    await client.streamed(ask("arrive", members), fresh),
  ];
  expect(answers.map(modelOf)).toEqual(["sim-economy", "sim-economy"]);
  const { calls, body } = await client.callAtProvider("arrive");
  expect(calls).toBe(2);
  expect(body).toMatchObject(members);
  expect(JSON.stringify(body["chat_template_kwargs"])).toBe('{"z":[1.5,null],"a":"x"}');
  expect(modelOf(await client.whole(ask("arrive", {}), fresh))).toBe("sim-economy-q4");
});

test("auto chooses a model of a higher tier if that is the one that takes them", async () => {
  expect(modelOf(await client.whole(ask("higher", { min_p: 0.1 }, "auto"), fresh))).toBe(
    "sim-standard",
  );
});

test("two requests that differ in them alone do not share an answer, and equal ones do", async () => {
  await client.whole(ask("key", { top_k: 5 }));
  const repeated = async () => (await client.whole(ask("key", { top_k: 5 }))).cache;
  await expect.poll(repeated, { interval: 20 }).toBe("exact");
  expect((await client.whole(ask("key", { top_k: 6 }))).cache).toBe("miss");
  expect((await client.whole(ask("key", {}))).cache).toBe("miss");
});

test("a request whose model does not take them is declined, with the model that does", async () => {
  await expect(client.whole(ask("declined", { top_k: 5 }, "premium"))).rejects.toMatchObject({
    ...{ status: 400, code: "unsupported_parameter" },
    message: expect.stringMatching(/sim-premium: it does not take 'top_k'.*sim-economy/),
  });
});

test("one that no model takes is refused with both remedies", async () => {
  await expect(client.whole(ask("unknown", { top_q: 5 }))).rejects.toMatchObject({
    ...{ status: 400, code: "unknown_parameter", param: "top_q" },
    message: expect.stringContaining("requestMembers"),
  });
});

test("they pass in a request for embeddings too", async () => {
  const request = { input: "[[record:purpose]] a", input_type: "query" };
  await embeddings.embed(request, fresh);
  expect((await client.callAtProvider("purpose")).body).toMatchObject({ input_type: "query" });
});
