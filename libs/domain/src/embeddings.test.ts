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

test("an embedding that is printed as JSON and parsed again has the same bits", () => {
  fc.assert(
    fc.property(floats, (numbers) => {
      const embedding = embeddingOf(numbers);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- printed the line before
      const parsed = JSON.parse(JSON.stringify(numbersOf(embedding).map(finite))) as number[];
      expect(embeddingOf(parsed)).toEqual(embeddingOf(numbers.map(finite)));
    }),
  );
});

/** Replaces infinities and zeros, because JSON has neither infinities nor a sign of zero. */
function finite(number: number): number {
  return Number.isFinite(number) && number !== 0 ? number : 1;
}

test("an embedding is encoded as little-endian floats in base64, as OpenAI clients decode it", () => {
  expect(embeddingOf([1, -2]).toString("hex")).toBe("0000803f000000c0");
  expect(base64Of(embeddingOf([1, -2]))).toBe("AACAPwAAAMA=");
});

test("an embedding that is a part of a larger buffer is read at its own offset", () => {
  const message = Buffer.concat([Buffer.from([7, 7, 7]), embeddingOf([0.5, 0.25])]);
  const embedding = message.subarray(3);
  expect(dimensionsOf(embedding)).toBe(2);
  expect(numbersOf(embedding)).toEqual([0.5, 0.25]);
  expect(base64Of(embedding)).toBe(base64Of(embeddingOf([0.5, 0.25])));
});

test("the number of embeddings that fit is the byte limit divided by their size", () => {
  expect(embeddingsThatFit(1_536)).toBe(256);
  expect(embeddingsThatFit(3_072)).toBe(128);
  expect(embeddingsThatFit(1_000) * 1_000 * 4).toBeLessThanOrEqual(embeddingBytesMax);
  expect((embeddingsThatFit(1_000) + 1) * 1_000 * 4).toBeGreaterThan(embeddingBytesMax);
});
