import { base64Of, embeddingOf } from "@sluice/domain";
import { describe, expect, test } from "vitest";
import { type AskedEmbeddings, embeddingEndOf } from "./embedding-end.ts";

const one = embeddingOf([0.1, -0.2]);
const two = embeddingOf([0.3, 0.4]);
const usage = { prompt_tokens: 5, total_tokens: 5 };
const wireOf = (...embeddings: readonly unknown[]) => ({
  ...{ object: "list", model: "m", usage },
  data: embeddings.map((embedding, index) => ({ object: "embedding", index, embedding })),
});
const endOf = (wire: unknown, asked: Partial<AskedEmbeddings> = {}) =>
  embeddingEndOf(wire, { count: 2, dimensions: undefined, ...asked }, 7);

test("embeddings are taken bit for bit from base64, and in full from printed numbers", () => {
  const answer = { providerModel: "m", createdAt: 7, choices: [], embeddings: [one, two] };
  expect(endOf(wireOf(base64Of(one), base64Of(two)))).toMatchObject({ kind: "answered", answer });
  const printed = [
    [Math.fround(0.1), Math.fround(-0.2)],
    [Math.fround(0.3), Math.fround(0.4)],
  ];
  expect(endOf(wireOf(...printed))).toMatchObject({ kind: "answered", answer });
});

test("each embedding goes to the input that its index names", () => {
  const { data, ...head } = wireOf(base64Of(one), base64Of(two));
  const end = endOf({ ...head, data: data.toReversed() });
  expect(end).toMatchObject({ kind: "answered", answer: { embeddings: [one, two] } });
  const unnumbered = data.map(({ embedding }) => ({ embedding }));
  expect(endOf({ ...head, data: unnumbered })).toEqual(end);
});

describe("paid for, and of no use, is", () => {
  const good = base64Of(one);
  const repeated = { ...wireOf(good, good) };
  repeated.data[1]!.index = 0;
  type Misfit = readonly [what: string, wire: unknown, asked?: Partial<AskedEmbeddings>];
  const cases: readonly Misfit[] = [
    ["an embedding too few", wireOf(good)],
    ["an embedding too many", wireOf(good, good, good)],
    ["two embeddings for one input", repeated],
    ["embeddings of different lengths", wireOf(good, base64Of(embeddingOf([1])))],
    ["other dimensions than were asked for", wireOf(good, good), { dimensions: 3 }],
    ["half a float", wireOf(base64Of(one.subarray(0, 7)), base64Of(one.subarray(0, 7)))],
    ["an empty embedding", wireOf("", "")],
    ["what is no number", wireOf(good, base64Of(embeddingOf([Number.NaN, 1])))],
    ["a list with a hole", wireOf(good, [1, null])],
    ["no list at all", { usage, data: null }],
    ["no object at all", "<html>"],
  ];
  const named = cases.map(([what, wire, asked]) => ({ what, wire, asked }));
  test.each(named)("$what", ({ wire, asked }) => {
    expect(endOf(wire, asked)).toMatchObject({ kind: "unusable", code: "answer_unusable" });
  });

  test("more than a message holds, which says so by a code of its own", () => {
    const large = base64Of(embeddingOf(Array.from({ length: 1_536 * 256 }, () => 0.5)));
    expect(endOf(wireOf(large), { count: 1 })).toMatchObject({ kind: "answered" });
    expect(endOf(wireOf(large, large))).toMatchObject({
      ...{ kind: "unusable", code: "answer_too_large" },
      usage: { usage: { inputTokens: 5n } },
    });
  });
});
