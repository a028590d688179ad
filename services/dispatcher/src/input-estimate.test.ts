import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { estimateInput } from "./input-estimate.ts";

const embeddingsOf = (inputs: readonly string[], tokenInputs: readonly number[][] = []) =>
  estimateInput(aRequest({ operation: "embeddings", messages: [], inputs, tokenInputs }));
const words = (count: number): string => "river ".repeat(count).trim();

test("a conversation must fit its model's context as a whole", () => {
  const { inputTokens, contextTokens } = estimateInput(aRequest());
  expect(inputTokens).toBeGreaterThan(7n);
  expect(contextTokens).toBe(inputTokens);
});

test("inputs are bounded together, and fit one by one, the longest without a margin", () => {
  const { inputTokens, contextTokens } = embeddingsOf([words(100), words(300), words(200)]);
  expect(contextTokens).toBe(300n);
  expect(inputTokens).toBeGreaterThanOrEqual(690n);
  expect(inputTokens).toBeLessThan(720n);
});

test("tokens that came as such are counted and not estimated", () => {
  const { inputTokens, contextTokens } = embeddingsOf([], [[1, 2, 3], [4]]);
  expect([inputTokens, contextTokens]).toEqual([4n, 3n]);
});

test("many texts are bounded without all of them being read", () => {
  const texts = Array.from({ length: 2_000 }, () => words(60));
  const { inputTokens } = embeddingsOf(texts);
  expect(inputTokens).toBeGreaterThan(120_000n);
  expect(inputTokens).toBeLessThan(150_000n);
});
