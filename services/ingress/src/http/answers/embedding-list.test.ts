import { embeddingOf } from "@sluice/domain";
import { completedOutcome } from "@sluice/request-state";
import { aCompletion, aMiss, anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { base64ListOf, numberListParts } from "./embedding-list.ts";

const { answer, usage, ...rest } = aCompletion({ variant: "embeddings" });
const completed = {
  ...rest,
  answer: { ...answer, choices: [], embeddings: [embeddingOf([1, 0.1]), embeddingOf([-1, 0])] },
  usage: { ...usage, inputTokens: 7n, cachedInputTokens: null, outputTokens: 0n },
};
const ended = { attempts: 1, lookup: aMiss, decisions: [], completedAt: 0 };
const outcome = { ...completedOutcome(anAdmission(), { completed, ...ended }), completed };

test.each([
  ["one long embedding", 1, 393_216],
  ["many embeddings", 256, 1_536],
  ["many short embeddings", 2_048, 8],
])("%s as numbers are printed in parts of at most 48 KB", (_, count, dimensions) => {
  const numbers = Array.from({ length: dimensions }, (__, index) => Math.fround(index / 7));
  const embeddings = Array.from({ length: count }, () => embeddingOf(numbers));
  const long = { ...outcome, completed: { ...completed, answer: { ...answer, embeddings } } };
  const parts = [...numberListParts(long)];
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(48 * 1_024);
  const list: unknown = JSON.parse(parts.join(""));
  expect(list).toHaveProperty("data.length", count);
  expect(list).toHaveProperty(`data.${count - 1}.embedding`, numbers);
});

test("embeddings are listed in order, as numbers or base64, with the input tokens as usage", () => {
  expect(JSON.parse([...numberListParts(outcome)].join(""))).toEqual({
    object: "list",
    data: [
      { object: "embedding", index: 0, embedding: [1, Math.fround(0.1)] },
      { object: "embedding", index: 1, embedding: [-1, 0] },
    ],
    model: "embeddings",
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  expect(base64ListOf(outcome)).toMatchObject({
    data: [{ embedding: "AACAP83MzD0=" }, { embedding: "AACAvwAAAAA=" }],
  });
});
