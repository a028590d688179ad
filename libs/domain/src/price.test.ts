import fc from "fast-check";
import { expect, test } from "vitest";
import { PermanentFault } from "./faults.ts";
import { priceOf, type Rates, worstCaseOf } from "./price.ts";
import { noUsage, tokenClasses, type TokenUsage } from "./usage.ts";

const rates: Rates = {
  inputNanoUsd: 2_500_000_000n,
  outputNanoUsd: 10_000_000_000n,
  cachedInputNanoUsd: 1_250_000_000n,
  cacheWriteNanoUsd: null,
  cacheWriteHourNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: { "audio-input": 40_000_000_000n },
};
const usage = (counted: Partial<TokenUsage>): TokenUsage => ({ ...noUsage, ...counted });

test("each class is billed at its own rate, or at the rate of its parent class", () => {
  expect(priceOf(usage({ inputTokens: 1n }), rates)).toBe(2_500n);
  expect(priceOf(usage({ cachedInputTokens: 1n }), rates)).toBe(1_250n);
  expect(priceOf(usage({ cacheWriteTokens: 1n }), rates)).toBe(2_500n);
  expect(priceOf(usage({ cacheWriteHourTokens: 1n }), rates)).toBe(2_500n);
  expect(priceOf(usage({ outputTokens: 1n }), rates)).toBe(10_000n);
  expect(priceOf(usage({ reasoningTokens: 1n }), rates)).toBe(10_000n);
  expect(priceOf(usage({ otherTokens: { "audio-input": 1n } }), rates)).toBe(40_000n);
});

test("a cache write for an hour is billed at its own rate, else as any cache write", () => {
  const anthropic: Rates = {
    ...rates,
    cacheWriteNanoUsd: 3_125_000_000n,
    cacheWriteHourNanoUsd: 5_000_000_000n,
  };
  const written = usage({ cacheWriteTokens: 1n, cacheWriteHourTokens: 10n });
  expect(priceOf(written, anthropic)).toBe(3_125n + 50_000n);
  expect(priceOf(written, { ...anthropic, cacheWriteHourNanoUsd: null })).toBe(11n * 3_125n);
  expect(priceOf(written, { ...anthropic, cacheWriteHourNanoUsd: 0n })).toBe(3_125n);
});

test("the sum is rounded once, and not each class", () => {
  const halves: Rates = { ...rates, inputNanoUsd: 500_000n, outputNanoUsd: 500_000n };
  expect(priceOf(usage({ inputTokens: 1n, outputTokens: 1n }), halves)).toBe(1n);
});

test("usage that was not counted is refused and never free", () => {
  expect(() => priceOf(usage({ outputTokens: null }), rates)).toThrow(PermanentFault);
});

test("a class without a rate is refused by name, unless none of its tokens were used", () => {
  expect(() => priceOf(usage({ otherTokens: { video: 3n } }), rates)).toThrow('"video"');
  expect(priceOf(usage({ otherTokens: { video: 0n } }), rates)).toBe(0n);
});

const tokens = fc.bigInt({ min: 0n, max: 100_000n });
const counts = fc.record({
  inputTokens: tokens,
  cachedInputTokens: tokens,
  cacheWriteTokens: tokens,
  cacheWriteHourTokens: tokens,
  outputTokens: tokens,
  reasoningTokens: tokens,
});
const rate = fc.bigInt({ min: 0n, max: 100_000_000_000n });
const anyRates: fc.Arbitrary<Rates> = fc.record({
  inputNanoUsd: rate,
  outputNanoUsd: rate,
  cachedInputNanoUsd: fc.option(rate),
  cacheWriteNanoUsd: fc.option(rate),
  cacheWriteHourNanoUsd: fc.option(rate),
  reasoningNanoUsd: fc.option(rate),
  otherNanoUsd: fc.constant({}),
});

test("no usage within the bounds costs more than the worst case", () => {
  fc.assert(
    fc.property(counts, anyRates, (counted, given) => {
      const { outputTokens, reasoningTokens, ...inputs } = counted;
      const inputTokens = Object.values(inputs).reduce((sum, count) => sum + count);
      const outputLimit = outputTokens + reasoningTokens;
      const worst = worstCaseOf({ inputTokens, outputLimit, answers: 1n }, given);
      expect(priceOf(usage(counted), given)).toBeLessThanOrEqual(worst);
    }),
  );
});

test("the worst case of input is reached by its most expensive class", () => {
  const bounds = { inputTokens: 1_000_000n, outputLimit: 0n, answers: 1n };
  fc.assert(
    fc.property(anyRates, (given) => {
      const prices = tokenClasses
        .filter((name) => name !== "outputTokens" && name !== "reasoningTokens")
        .map((name) => priceOf(usage({ [name]: bounds.inputTokens }), given));
      const highest = prices.reduce((most, price) => (price > most ? price : most));
      expect(worstCaseOf(bounds, given)).toBe(highest);
    }),
  );
});
