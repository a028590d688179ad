import type { Repeated } from "@sluice/request-state";
import { anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { knownByClaim, knownByLookUp } from "./known-request.ts";

const admitted = anAdmission();
const found: Repeated = { kind: "running", admitted, isAcknowledged: true };

test("a look-up finds nothing, or what the id belongs to", () => {
  expect(knownByLookUp(null)).toEqual({ kind: "nothing" });
  expect(knownByLookUp(undefined)).toEqual({ kind: "nothing" });
  expect(knownByLookUp(found)).toEqual(found);
});

test("a claim reports what was known before it", () => {
  expect(knownByClaim({ kind: "first", admitted })).toEqual({ kind: "nothing" });
  expect(knownByClaim(found)).toEqual(found);
  expect(knownByClaim({ kind: "conflict" })).toEqual({ kind: "conflict" });
});
