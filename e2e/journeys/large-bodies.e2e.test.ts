import { randomBytes } from "node:crypto";
import { type Pipeline, startPipeline } from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

/* Sends the longest bodies that an operator can allow through all stages. */

const bodyMax = 1_536 * 1_024;

let pipeline: Pipeline;
let openai: OpenAI;

beforeAll(async () => {
  pipeline = await startPipeline({
    environment: {
      SLUICE_SIMULATOR_SPEED: "100",
      SLUICE_HTTP_BODY_MAX_BYTES: String(bodyMax),
    },
  });
  openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey: pipeline.demoKey, maxRetries: 0 });
});
afterAll(() => pipeline?.stop());

function ask(content: OpenAI.ChatCompletionContentPart[]) {
  return openai.chat.completions.create({
    model: "economy",
    max_tokens: 50,
    messages: [{ role: "user", content }],
  });
}

/** Returns a picture as data, which cannot be compressed. */
function pictureOf(bytes: number): OpenAI.ChatCompletionContentPart {
  const url = `data:image/png;base64,${randomBytes(bytes).toString("base64")}`;
  return { type: "image_url", image_url: { url } };
}

test("an image of one megabyte is answered as data, if the operator allows the body", async () => {
  const text = { type: "text" as const, text: "What is in this picture?" };
  const answer = await ask([text, pictureOf(1_000_000)]);
  expect(answer.choices[0]?.message.content).toMatch(/^\[simulated\]/);
});

test("an image that fills the longest body is answered too", async () => {
  const answer = await ask([pictureOf(Math.floor(((bodyMax - 200) * 3) / 4))]);
  expect(answer.choices[0]?.message.content).toMatch(/^\[simulated\]/);
});

test("text in parts that a record would hold beyond its limit is a 413, and no request that fails later", async () => {
  const half = { type: "text" as const, text: "x ".repeat(200_000) };
  await expect(ask([half, half])).rejects.toMatchObject({
    ...{ status: 413, code: "body_too_large" },
    message: expect.stringContaining("1572864 are allowed"),
  });
});
