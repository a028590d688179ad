import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type EmbeddingsBody, parseEmbeddingsBody } from "./embeddings-body.ts";
import { noAdditions, refusalOf, valueOf } from "./parsed.fixture.ts";

const body = { model: "embeddings", input: "a river" };
const parsed = (value: unknown): EmbeddingsBody => valueOf(parseEmbeddingsBody(value, noAdditions));
const inputsOf = (input: unknown) => {
  const { inputs, tokenInputs } = parsed({ ...body, input });
  return { inputs, tokenInputs };
};

test("one text, several texts, and the tokens of one or several inputs are read", () => {
  expect(inputsOf("a")).toEqual({ inputs: ["a"], tokenInputs: [] });
  expect(inputsOf(["a", " "])).toEqual({ inputs: ["a", " "], tokenInputs: [] });
  expect(inputsOf([1, 2])).toEqual({ inputs: [], tokenInputs: [[1, 2]] });
  expect(inputsOf([[1, 2], [3]])).toEqual({ inputs: [], tokenInputs: [[1, 2], [3]] });
});

test("the encoding is not a parameter of the record, and is numbers by default", () => {
  const user = { user: "u", dimensions: null };
  const { encoding, parameters } = parsed({ ...body, ...user });
  expect([encoding, parameters]).toEqual(["float", '{"user":"u"}']);
  const given = parsed({ ...body, encoding_format: "base64", dimensions: 8 });
  expect([given.encoding, given.parameters]).toEqual(["base64", '{"dimensions":8}']);
});

const refused: readonly (readonly [
  change: object,
  param: string,
  code: string,
  reason?: string,
])[] = [
  [{ input: "" }, "input", "invalid_value", "it must not be empty"],
  [{ input: undefined }, "input", "invalid_value"],
  [{ input: {} }, "input", "invalid_value"],
  [{ input: [] }, "input", "invalid_value", "at least one"],
  [{ input: [[]] }, "input.0", "invalid_value", "it must not be empty"],
  [{ input: ["a", ""] }, "input.1", "invalid_value", "it must not be empty"],
  [{ input: ["a", [1]] }, "input.1", "invalid_value"],
  [{ input: [1, "a"] }, "input.1", "invalid_value"],
  [{ input: [[1], [2.5]] }, "input.1.0", "invalid_value"],
  [{ input: [-1] }, "input.0", "invalid_value"],
  [{ input: Array.from({ length: 2_049 }, () => "a") }, "input", "invalid_value", "2048"],
  [{ dimensions: 0 }, "dimensions", "invalid_value"],
  [{ dimensions: 1e9 }, "dimensions", "invalid_value"],
  [{ encoding_format: "hex" }, "encoding_format", "invalid_value"],
  [{ user: 1 }, "user", "invalid_value"],
  [{ stream: true }, "stream", "unknown_parameter"],
  [{ input_type: "query" }, "input_type", "unknown_parameter"],
];

for (const [change, param, code, reason = ""] of refused)
  test(`${JSON.stringify(change).slice(0, 60)} is refused with its path`, () => {
    const refusal = refusalOf(parseEmbeddingsBody({ ...body, ...change }, noAdditions));
    expect(refusal).toMatchObject({ param, code });
    expect(refusal.reason).toContain(reason);
  });

test("every body is read or refused, and none throws", () => {
  const input = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.oneof(fc.string(), fc.integer(), fc.array(fc.integer()))),
  );
  const record = fc.record(
    { model: fc.oneof(fc.string(), fc.jsonValue()), input, dimensions: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(record, fc.jsonValue()), (value) => {
      const result = parseEmbeddingsBody(value, noAdditions);
      if (result.kind === "refused") return;
      const { inputs, tokenInputs } = result.value;
      expect(inputs.length + tokenInputs.length).toBeGreaterThan(0);
    }),
  );
});
