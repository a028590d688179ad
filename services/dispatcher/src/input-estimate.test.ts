import { aRequest } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { estimateInput } from "./input-estimate.ts";

const embeddingsOf = (inputs: readonly string[], tokenInputs: readonly number[][] = []) =>
  estimateInput(aRequest({ operation: "embeddings", messages: [], inputs, tokenInputs }));
const words = (count: number): string => "river ".repeat(count).trim();

test("a conversation must fit the context window as a whole", () => {
  const { inputTokens, contextTokens } = estimateInput(aRequest());
  expect(inputTokens).toBeGreaterThan(7n);
  expect(contextTokens).toBe(inputTokens);
});

test("inputs are bounded together, and only the longest must fit the context window, without a margin", () => {
  const { inputTokens, contextTokens } = embeddingsOf([words(100), words(300), words(200)]);
  expect(contextTokens).toBe(300n);
  expect(inputTokens).toBeGreaterThanOrEqual(690n);
  expect(inputTokens).toBeLessThan(720n);
});

test("inputs that are sent as tokens are counted exactly", () => {
  const { inputTokens, contextTokens } = embeddingsOf([], [[1, 2, 3], [4]]);
  expect([inputTokens, contextTokens]).toEqual([4n, 3n]);
});

test("the bound of many texts is extrapolated from the first ones", () => {
  const texts = Array.from({ length: 2_000 }, () => words(60));
  const { inputTokens } = embeddingsOf(texts);
  expect(inputTokens).toBeGreaterThan(120_000n);
  expect(inputTokens).toBeLessThan(150_000n);
});
