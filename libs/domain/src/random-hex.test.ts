import { expect, test } from "vitest";
import { randomHex } from "./random-hex.ts";

test("random hex has two characters a byte, and none comes twice, also when the pool is drawn anew", () => {
  const drawn = Array.from({ length: 2_000 }, () => randomHex(16));
  expect(drawn.every((hex) => /^[0-9a-f]{32}$/.test(hex))).toBe(true);
  expect(new Set(drawn).size).toBe(drawn.length);
});
