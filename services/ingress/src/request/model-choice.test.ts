import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { type ModelChoice, modelRefusalOf } from "./model-choice.ts";

const declarations = someDeclarations();
const refusalOf = (changes: Partial<ModelChoice>) =>
  modelRefusalOf(
    {
      ...{ operation: "embeddings", model: "embeddings", inputs: ["a"], tokenInputs: [] },
      ...{ parameters: "{}", ...changes },
    },
    declarations,
  );
const chat = { operation: "chat", inputs: [] } as const;
const many = (count: number) => Array.from({ length: count }, () => "a");

test("a chat is answered by a chat model, which it chooses by name, tier or auto", () => {
  for (const model of ["auto", "premium", "small"])
    expect(refusalOf({ ...chat, model })).toBeUndefined();
  expect(refusalOf({ ...chat, model: "embeddings" })).toEqual({
    ...{ kind: "refused", code: "invalid_value", param: "model" },
    reason:
      "'embeddings' makes embeddings and does not chat; name a chat model, or send the request to POST /v1/embeddings.",
  });
});

test("embeddings are made only by a model that the request names", () => {
  expect(refusalOf({})).toBeUndefined();
  for (const model of ["auto", "economy", "small"])
    expect(refusalOf({ model })).toEqual({
      ...{ kind: "refused", code: "invalid_value", param: "model" },
      reason: `'${model}' makes no embeddings; name embeddings.`,
    });
});

test("a model that is not declared has a code of its own", () => {
  const unknown = { code: "model_not_found", param: "model" };
  expect(refusalOf({ model: "nowhere" })).toMatchObject(unknown);
  expect(refusalOf({ ...chat, model: "nowhere" })).toMatchObject(unknown);
});

test("a request for more embeddings than fit an answer of that many dimensions is refused, for texts and tokens", () => {
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

test("a request for more dimensions than the model has is refused", () => {
  expect(refusalOf({ parameters: '{"dimensions":1536}' })).toBeUndefined();
  expect(refusalOf({ parameters: '{"dimensions":1537}' })).toMatchObject({
    ...{ code: "invalid_value", param: "dimensions" },
    reason: "The model has 1536 dimensions; ask for as many or fewer.",
  });
});
