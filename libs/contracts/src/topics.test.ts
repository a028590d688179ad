import { hashOf } from "@sluice/domain";
import { expect, test } from "vitest";
import type { CostCharged, InferenceAdmitted, InferenceRequested } from "./index.ts";
import { allTopics, topics } from "./topics.ts";

const attribution = { tenant: "acme" };
const admitted = { attribution, request: { requestId: "r-1" } };
const key = hashOf("acme", "r-1");

test("every record of a request has the key hash(tenant, request id), so that it stays in order", () => {
  const byRequest = allTopics.filter(({ keyedBy }) => keyedBy === "hash(tenant, request id)");
  const record = { ...admitted, admitted, requestId: "r-1" };
  expect(byRequest.map((topic) => topic.keyOf(record))).toEqual(byRequest.map(() => key));
  expect(byRequest.map(({ name }) => name)).toEqual([
    "inference.admitted",
    "inference.missed",
    "inference.classified",
    "inference.dispatched.realtime",
    "inference.attempted",
    "inference.responded",
    "cost.metered",
  ]);
});

test("two tenants that chose the same request id have different keys", () => {
  const other = { ...admitted, attribution: { tenant: "other" } };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the members of the key are read
  expect(topics.inferenceAdmitted.keyOf(other as InferenceAdmitted)).not.toBe(key);
});

test("a request is keyed by its id, and a charge by its charge id", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the members of the key are read
  expect(topics.inferenceRequested.keyOf({ requestId: "r-1" } as InferenceRequested)).toBe("r-1");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the members of the key are read
  expect(topics.costCharged.keyOf({ chargeId: "c-1" } as CostCharged)).toBe("c-1");
});
