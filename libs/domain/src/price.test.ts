import fc from "fast-check";
import { expect, test } from "vitest";
import { PermanentFault } from "./faults.ts";
import { priceOf, type Rates, worstCaseOf } from "./price.ts";
import { noUsage, type TokenUsage } from "./usage.ts";

const rates: Rates = {
  inputNanoUsd: 2_500_000_000n,
  outputNanoUsd: 10_000_000_000n,
  cachedInputNanoUsd: 1_250_000_000n,
  cacheWriteNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: { "audio-input": 40_000_000_000n },
};
const usage = (counted: Partial<TokenUsage>): TokenUsage => ({ ...noUsage, ...counted });

test("each class is billed at its own rate, or at the rate of its parent class", () => {
  expect(priceOf(usage({ inputTokens: 1n }), rates)).toBe(2_500n);
  expect(priceOf(usage({ cachedInputTokens: 1n }), rates)).toBe(1_250n);
  expect(priceOf(usage({ cacheWriteTokens: 1n }), rates)).toBe(2_500n);
  expect(priceOf(usage({ outputTokens: 1n }), rates)).toBe(10_000n);
  expect(priceOf(usage({ reasoningTokens: 1n }), rates)).toBe(10_000n);
  expect(priceOf(usage({ otherTokens: { "audio-input": 1n } }), rates)).toBe(40_000n);
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

test("no usage within the bounds costs more than the worst case", () => {
  const tokens = fc.bigInt({ min: 0n, max: 100_000n });
  fc.assert(
    fc.property(tokens, tokens, tokens, tokens, (input, cached, output, reasoning) => {
      const worst = worstCaseOf(
        { inputTokens: input + cached, outputLimit: output + reasoning, answers: 1n },
        rates,
      );
      const price = priceOf(
        usage({
          inputTokens: input,
          cachedInputTokens: cached,
          outputTokens: output,
          reasoningTokens: reasoning,
        }),
        rates,
      );
      return price <= worst;
    }),
  );
});
