import { expect, test } from "vitest";
import { randomHex } from "./random-hex.ts";

test("random hex has two characters per byte and does not repeat, also after the pool is filled again", () => {
  const drawn = Array.from({ length: 2_000 }, () => randomHex(16));
  expect(drawn.every((hex) => /^[0-9a-f]{32}$/.test(hex))).toBe(true);
  expect(new Set(drawn).size).toBe(drawn.length);
});
