import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  base64Of,
  dimensionsOf,
  numbersOf,
  embeddingBytesMax,
  embeddingOf,
  embeddingsThatFit,
} from "./embeddings.ts";

const floats = fc.array(fc.float({ noNaN: true }));

test("an embedding's numbers, printed as JSON and read again, have the same bits", () => {
  fc.assert(
    fc.property(floats, (numbers) => {
      const embedding = embeddingOf(numbers);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- printed the line before
      const told = JSON.parse(JSON.stringify(numbersOf(embedding).map(finite))) as number[];
      expect(embeddingOf(told)).toEqual(embeddingOf(numbers.map(finite)));
    }),
  );
});

/** JSON knows neither infinities nor the sign of zero; no embedding has the one or means the other. */
function finite(number: number): number {
  return Number.isFinite(number) && number !== 0 ? number : 1;
}

test("an embedding is the little-endian floats that every client decodes from base64", () => {
  expect(embeddingOf([1, -2]).toString("hex")).toBe("0000803f000000c0");
  expect(base64Of(embeddingOf([1, -2]))).toBe("AACAPwAAAMA=");
});

test("an embedding that is a part of a larger buffer is read where it lies", () => {
  const message = Buffer.concat([Buffer.from([7, 7, 7]), embeddingOf([0.5, 0.25])]);
  const embedding = message.subarray(3);
  expect(dimensionsOf(embedding)).toBe(2);
  expect(numbersOf(embedding)).toEqual([0.5, 0.25]);
  expect(base64Of(embedding)).toBe(base64Of(embeddingOf([0.5, 0.25])));
});

test("as many embeddings fit as have their bytes", () => {
  expect(embeddingsThatFit(1_536)).toBe(256);
  expect(embeddingsThatFit(3_072)).toBe(128);
  expect(embeddingsThatFit(1_000) * 1_000 * 4).toBeLessThanOrEqual(embeddingBytesMax);
  expect((embeddingsThatFit(1_000) + 1) * 1_000 * 4).toBeGreaterThan(embeddingBytesMax);
});
