import { expect, test } from "vitest";
import { perVersion } from "./per-version.ts";

test("a value is derived once per version of the declarations", () => {
  let version = 1n;
  let derivations = 0;
  const derived = perVersion({ version: () => version }, () => ++derivations);
  expect([derived(), derived()]).toEqual([1, 1]);
  version = 2n;
  expect([derived(), derived()]).toEqual([2, 2]);
});

test("a derivation that fails is tried again at the next call, and never replaced by an older value", () => {
  let version = 1n;
  let isBroken = false;
  const derived = perVersion({ version: () => version }, () => {
    if (isBroken) throw new Error("no secret");
    return version;
  });
  expect(derived()).toBe(1n);
  version = 2n;
  isBroken = true;
  expect(derived).toThrow("no secret");
  isBroken = false;
  expect(derived()).toBe(2n);
});
