import { base64Of, embeddingOf } from "@sluice/domain";
import { describe, expect, test } from "vitest";
import { type RequestedEmbeddings, embeddingEndOf } from "./embedding-end.ts";

const one = embeddingOf([0.1, -0.2]);
const two = embeddingOf([0.3, 0.4]);
const usage = { prompt_tokens: 5, total_tokens: 5 };
const wireOf = (...embeddings: readonly unknown[]) => ({
  ...{ object: "list", model: "m", usage },
  data: embeddings.map((embedding, index) => ({ object: "embedding", index, embedding })),
});
const endOf = (wire: unknown, requested: Partial<RequestedEmbeddings> = {}) =>
  embeddingEndOf(wire, { count: 2, dimensions: undefined, ...requested }, 7);

test("embeddings keep their bits, from base64 and from numbers that are printed in full", () => {
  const answer = { providerModel: "m", createdAt: 7, choices: [], embeddings: [one, two] };
  expect(endOf(wireOf(base64Of(one), base64Of(two)))).toMatchObject({ kind: "answered", answer });
  const printed = [
    [Math.fround(0.1), Math.fround(-0.2)],
    [Math.fround(0.3), Math.fround(0.4)],
  ];
  expect(endOf(wireOf(...printed))).toMatchObject({ kind: "answered", answer });
});

test("each embedding belongs to the input that its index names", () => {
  const { data, ...head } = wireOf(base64Of(one), base64Of(two));
  const end = endOf({ ...head, data: data.toReversed() });
  expect(end).toMatchObject({ kind: "answered", answer: { embeddings: [one, two] } });
  const unnumbered = data.map(({ embedding }) => ({ embedding }));
  expect(endOf({ ...head, data: unnumbered })).toEqual(end);
});

describe("an answer is billed and unusable if it is", () => {
  const good = base64Of(one);
  const repeated = { ...wireOf(good, good) };
  repeated.data[1]!.index = 0;
  type Misfit = readonly [what: string, wire: unknown, requested?: Partial<RequestedEmbeddings>];
  const cases: readonly Misfit[] = [
    ["one embedding too few", wireOf(good)],
    ["one embedding too many", wireOf(good, good, good)],
    ["two embeddings for one input", repeated],
    ["embeddings of different lengths", wireOf(good, base64Of(embeddingOf([1])))],
    ["of other dimensions than requested", wireOf(good, good), { dimensions: 3 }],
    [
      "a number of bytes that is not whole floats",
      wireOf(base64Of(one.subarray(0, 7)), base64Of(one.subarray(0, 7))),
    ],
    ["an empty embedding", wireOf("", "")],
    [
      "an embedding with a value that is not a number",
      wireOf(good, base64Of(embeddingOf([Number.NaN, 1]))),
    ],
    ["a list with a hole", wireOf(good, [1, null])],
    ["not a list", { usage, data: null }],
    ["not an object", "<html>"],
  ];
  const named = cases.map(([what, wire, requested]) => ({ what, wire, requested }));
  test.each(named)("$what", ({ wire, requested }) => {
    expect(endOf(wire, requested)).toMatchObject({ kind: "unusable", code: "answer_unusable" });
  });

  test("larger than a message may be, which has a code of its own", () => {
    const large = base64Of(embeddingOf(Array.from({ length: 1_536 * 256 }, () => 0.5)));
    expect(endOf(wireOf(large), { count: 1 })).toMatchObject({ kind: "answered" });
    expect(endOf(wireOf(large, large))).toMatchObject({
      ...{ kind: "unusable", code: "answer_too_large" },
      usage: { usage: { inputTokens: 5n } },
    });
  });
});
