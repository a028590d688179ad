import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  base64Of,
  dimensionsOf,
  numbersOf,
  vectorBytesMax,
  vectorOf,
  vectorsThatFit,
} from "./vectors.ts";

const floats = fc.array(fc.float({ noNaN: true }));

test("a vector's numbers, printed as JSON and read again, have the same bits", () => {
  fc.assert(
    fc.property(floats, (numbers) => {
      const vector = vectorOf(numbers);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- printed the line before
      const told = JSON.parse(JSON.stringify(numbersOf(vector).map(finite))) as number[];
      expect(vectorOf(told)).toEqual(vectorOf(numbers.map(finite)));
    }),
  );
});

/** JSON knows neither infinities nor the sign of zero; no embedding has the one or means the other. */
function finite(number: number): number {
  return Number.isFinite(number) && number !== 0 ? number : 1;
}

test("a vector is the little-endian floats that every client decodes from base64", () => {
  expect(vectorOf([1, -2]).toString("hex")).toBe("0000803f000000c0");
  expect(base64Of(vectorOf([1, -2]))).toBe("AACAPwAAAMA=");
});

test("a vector that is a part of a larger buffer is read where it lies", () => {
  const message = Buffer.concat([Buffer.from([7, 7, 7]), vectorOf([0.5, 0.25])]);
  const vector = message.subarray(3);
  expect(dimensionsOf(vector)).toBe(2);
  expect(numbersOf(vector)).toEqual([0.5, 0.25]);
  expect(base64Of(vector)).toBe(base64Of(vectorOf([0.5, 0.25])));
});

test("as many vectors fit as have their bytes", () => {
  expect(vectorsThatFit(1_536)).toBe(256);
  expect(vectorsThatFit(3_072)).toBe(128);
  expect(vectorsThatFit(1_000) * 1_000 * 4).toBeLessThanOrEqual(vectorBytesMax);
  expect((vectorsThatFit(1_000) + 1) * 1_000 * 4).toBeGreaterThan(vectorBytesMax);
});
