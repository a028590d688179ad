import type { KnownRequest } from "@sluice/request-state";
import { anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { knownByClaim, knownByLookUp } from "./known-request.ts";

const admitted = anAdmission();
const state = { admitted, acknowledged: true, outcome: null, answerGone: false } as const;
const found: KnownRequest = { ...state, bodyHash: "a" };

test("a look-up finds nothing, the same body or another body", () => {
  expect(knownByLookUp(null, "a")).toEqual({ kind: "nothing" });
  expect(knownByLookUp(undefined, "a")).toEqual({ kind: "nothing" });
  expect(knownByLookUp(found, "a")).toMatchObject({ kind: "same-body", ...state });
  expect(knownByLookUp(found, "b")).toEqual({ kind: "another-body" });
});

test("a claim reports what was known before it", () => {
  expect(knownByClaim({ kind: "first", admitted })).toEqual({ kind: "nothing" });
  expect(knownByClaim({ kind: "repeat", ...state })).toEqual({ kind: "same-body", ...state });
  expect(knownByClaim({ kind: "conflict" })).toEqual({ kind: "another-body" });
});
