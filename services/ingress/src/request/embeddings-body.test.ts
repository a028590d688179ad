import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ApiError } from "../http/api-error.ts";
import { parseEmbeddingsBody } from "./embeddings-body.ts";

const asked = { model: "embeddings", input: "a river" };
const inputsOf = (input: unknown) => {
  const { inputs, tokenInputs } = parseEmbeddingsBody({ ...asked, input });
  return { inputs, tokenInputs };
};

test("one text or many, the tokens of one or of many, are inputs", () => {
  expect(inputsOf("a")).toEqual({ inputs: ["a"], tokenInputs: [] });
  expect(inputsOf(["a", " "])).toEqual({ inputs: ["a", " "], tokenInputs: [] });
  expect(inputsOf([1, 2])).toEqual({ inputs: [], tokenInputs: [[1, 2]] });
  expect(inputsOf([[1, 2], [3]])).toEqual({ inputs: [], tokenInputs: [[1, 2], [3]] });
});

test("how embeddings are read is no part of what is asked for; numbers, if nothing is said", () => {
  const user = { user: "u", dimensions: null };
  const { encoding, parameters } = parseEmbeddingsBody({ ...asked, ...user });
  expect([encoding, parameters]).toEqual(["float", '{"user":"u"}']);
  const given = parseEmbeddingsBody({ ...asked, encoding_format: "base64", dimensions: 8 });
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
  test(`${JSON.stringify(change).slice(0, 60)} is refused by its path`, () => {
    const error = errorFor({ ...asked, ...change });
    expect(error).toMatchObject({ status: 400, param, code });
    expect(error.message).toContain(reason);
  });

test("whatever is sent is understood or refused, never a defect", () => {
  const input = fc.oneof(
    fc.jsonValue(),
    fc.array(fc.oneof(fc.string(), fc.integer(), fc.array(fc.integer()))),
  );
  const body = fc.record(
    { model: fc.oneof(fc.string(), fc.jsonValue()), input, dimensions: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(body, fc.jsonValue()), (value) => {
      const refusal = refusalOf(value);
      expect(refusal === undefined || refusal instanceof ApiError).toBe(true);
    }),
  );
});

function refusalOf(value: unknown): unknown {
  try {
    const { inputs, tokenInputs } = parseEmbeddingsBody(value);
    expect(inputs.length + tokenInputs.length).toBeGreaterThan(0);
    return undefined;
  } catch (error) {
    return error;
  }
}

function errorFor(value: unknown): ApiError {
  try {
    parseEmbeddingsBody(value);
  } catch (error) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else is thrown
    return error as ApiError;
  }
  throw new Error("It was not refused.");
}
