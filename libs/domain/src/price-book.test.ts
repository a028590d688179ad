import { expect, test } from "vitest";
import { PriceBook, type PriceEntry } from "./price-book.ts";
import type { Rates } from "./price.ts";

const rates = (inputNanoUsd: bigint): Rates => ({
  inputNanoUsd,
  outputNanoUsd: 0n,
  cachedInputNanoUsd: null,
  cacheWriteNanoUsd: null,
  cacheWriteHourNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: {},
});
const entry = (input: bigint, day: number, inputAboveTokens: bigint | null = null): PriceEntry => ({
  variant: "a",
  effectiveFrom: Date.UTC(2026, 0, day),
  inputAboveTokens,
  rates: rates(input),
});
const book = new PriceBook([entry(1n, 1), entry(2n, 10), entry(3n, 10, 200_000n)]);
const inputRate = (day: number, tokens: bigint): bigint | undefined =>
  book.priceOf("a", Date.UTC(2026, 0, day), tokens)?.rates.inputNanoUsd;

test("the price in force at the time of the call is used", () => {
  expect(inputRate(5, 10n)).toBe(1n);
  expect(inputRate(10, 10n)).toBe(2n);
});

test("a long input has the rate that is declared for long inputs", () => {
  expect(inputRate(11, 200_000n)).toBe(2n);
  expect(inputRate(11, 200_001n)).toBe(3n);
  expect(inputRate(5, 200_001n)).toBe(1n);
});

test("a time before the first price and a variant without prices have no price", () => {
  expect(book.priceOf("a", Date.UTC(2025, 0, 1), 1n)).toBeUndefined();
  expect(book.priceOf("b", Date.UTC(2026, 0, 11), 1n)).toBeUndefined();
});

test("the version names the entry that was used", () => {
  expect(book.priceOf("a", Date.UTC(2026, 0, 11), 200_001n)?.version).toBe(
    "a@2026-01-10T00:00:00.000Z>200000",
  );
});
