import fc from "fast-check";
import { expect, test } from "vitest";
import { divideHalfEven, formatUsd, parseUsd } from "./money.ts";

test("a half is rounded to the even neighbour, for both signs", () => {
  expect([5n, 15n, 25n, -5n, -15n, 14n, 16n].map((n) => divideHalfEven(n, 10n))).toEqual([
    0n,
    2n,
    2n,
    0n,
    -2n,
    1n,
    2n,
  ]);
});

test("rounding is never off by more than half of the divisor", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt({ min: 1n, max: 10n ** 12n }), (dividend, divisor) => {
      const error = divideHalfEven(dividend, divisor) * divisor - dividend;
      return 2n * (error < 0n ? -error : error) <= divisor;
    }),
  );
});

test("an amount is written exactly and read back as the same amount", () => {
  expect([0n, 1n, 1_500_000_000n, -25n].map(formatUsd)).toEqual([
    "0.00",
    "0.000000001",
    "1.50",
    "-0.000000025",
  ]);
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 20n }),
      (amount) => parseUsd(formatUsd(amount)) === amount,
    ),
  );
});

test("a text that is not an amount, or has fractions of a nano-dollar, is not parsed", () => {
  expect(["", "-1", "1e3", "0.0000000001", "1,5"].map(parseUsd)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
