import { expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { attemptIdOf, chargeIdOf, hashOf, isRequestId } from "./ids.ts";

test("a hash is the first 16 bytes of SHA-256 over length-prefixed fields", () => {
  // printf '\0\0\0\001a\0\0\0\002bc' | sha256sum
  expect(hashOf("a", "bc")).toBe("b534ce16ac9c8b36823f39a395ce8e0e");
  expect(hashOf("ab", "c")).not.toBe(hashOf("a", "bc"));
});

test("tenants never share an attempt, and kinds never share a charge", () => {
  expect(attemptIdOf("a", "r", 1, 1)).not.toBe(attemptIdOf("b", "r", 1, 1));
  expect(attemptIdOf("a", "r", 1, 1)).not.toBe(attemptIdOf("a", "r", 2, 1));
  expect(chargeIdOf("x", "reported")).not.toBe(chargeIdOf("x", "estimated"));
});

test("a request id is printable ASCII of bounded length", () => {
  expect(["a", "x".repeat(128), "ä", "", "x".repeat(129), "a b"].map(isRequestId)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test("canonical JSON does not depend on the order of members", () => {
  expect(canonicalJson({ b: [1, { d: 1, c: null }], a: undefined })).toBe(
    '{"b":[1,{"c":null,"d":1}]}',
  );
});
