import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { type Choosing, modelRefusalOf } from "./model-choice.ts";

const declarations = someDeclarations();
const refusalOf = (changes: Partial<Choosing>) =>
  modelRefusalOf(
    {
      ...{ operation: "embeddings", model: "embeddings", inputs: ["a"], tokenInputs: [] },
      ...{ parameters: "{}", ...changes },
    },
    declarations,
  );
const chat = { operation: "chat", inputs: [] } as const;
const many = (count: number) => Array.from({ length: count }, () => "a");

test("a chat goes to what chats, by name, tier or auto", () => {
  for (const model of ["auto", "premium", "small"])
    expect(refusalOf({ ...chat, model })).toBeUndefined();
  expect(refusalOf({ ...chat, model: "embeddings" })).toEqual({
    ...{ code: "invalid_value", param: "model" },
    reason:
      "'embeddings' makes embeddings and does not chat; name a chat model, or ask POST /v1/embeddings.",
  });
});

test("embeddings are made by the model that is named, and by no other", () => {
  expect(refusalOf({})).toBeUndefined();
  for (const model of ["auto", "economy", "small"])
    expect(refusalOf({ model })).toEqual({
      ...{ code: "invalid_value", param: "model" },
      reason: `'${model}' makes no embeddings; name embeddings.`,
    });
});

test("a model that nobody declared is told apart", () => {
  const unknown = { code: "model_not_found", param: "model" };
  expect(refusalOf({ model: "nowhere" })).toMatchObject(unknown);
  expect(refusalOf({ ...chat, model: "nowhere" })).toMatchObject(unknown);
});

test("no more embeddings than an answer holds, counted by their dimensions, texts and tokens alike", () => {
  expect(refusalOf({ inputs: many(256) })).toBeUndefined();
  expect(refusalOf({ inputs: many(257) })).toMatchObject({
    ...{ code: "invalid_value", param: "input" },
    reason: expect.stringContaining(
      "257 embeddings of 1536 dimensions do not fit an answer, 256 do",
    ),
  });
  const tokenInputs = Array.from({ length: 257 }, () => [1]);
  expect(refusalOf({ inputs: [], tokenInputs })).toMatchObject({ param: "input" });
  const parameters = '{"dimensions":192}';
  expect(refusalOf({ inputs: many(2_048), parameters })).toBeUndefined();
  expect(refusalOf({ inputs: many(2_048), parameters: '{"dimensions":193}' })).toMatchObject({
    reason: expect.stringContaining("2037 do"),
  });
});

test("no more dimensions than the model has", () => {
  expect(refusalOf({ parameters: '{"dimensions":1536}' })).toBeUndefined();
  expect(refusalOf({ parameters: '{"dimensions":1537}' })).toMatchObject({
    ...{ code: "invalid_value", param: "dimensions" },
    reason: "The model has 1536 dimensions; ask for as many or fewer.",
  });
});
