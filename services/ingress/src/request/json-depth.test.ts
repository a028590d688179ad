import { expect, test } from "vitest";
import { isTooDeep, jsonDepthMax } from "./json-depth.ts";

const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

test("a value is too deep one level beyond the limit, and its number of members does not matter", () => {
  expect(isTooDeep(JSON.parse(nested(jsonDepthMax + 1)))).toBe(false);
  expect(isTooDeep(JSON.parse(nested(jsonDepthMax + 2)))).toBe(true);
  expect(isTooDeep({ wide: Array.from({ length: 100_000 }, () => [1]) })).toBe(false);
  expect(isTooDeep("text")).toBe(false);
});

test("a value with 50,000 levels is too deep, and the check itself does not overflow", () => {
  expect(isTooDeep(JSON.parse(nested(50_000)))).toBe(true);
});
