import { hashOf } from "@sluice/domain";
import { expect, test } from "vitest";
import type {
  CostCharged,
  InferenceAdmitted,
  InferenceRequested,
  InferenceResponded,
} from "./index.ts";
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

test("an outcome is shortened by its answer, is marked as cut, and says why", () => {
  const answer = {
    choices: [{ index: 0 }],
    embeddings: [Buffer.alloc(4)],
    cut: false,
    createdAt: 1,
  };
  const completed = { answer, costNanoUsd: 7n, variant: "v" };
  const decisions = [{ stage: "adapter", decision: "answered", reasons: [] }];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these members matter here
  const outcome = { requestId: "r-1", completed, decisions } as unknown as InferenceResponded;
  const { shorten } = topics.inferenceResponded;
  expect(shorten(outcome)).toEqual({
    requestId: "r-1",
    completed: {
      answer: { choices: [], embeddings: [], cut: true, createdAt: 1 },
      costNanoUsd: 7n,
      variant: "v",
    },
    decisions: [
      decisions[0],
      {
        stage: "publish",
        decision: "answer_omitted",
        reasons: [expect.stringContaining("max.message.bytes")],
        version: 0n,
      },
    ],
  });
});

test("an outcome without an answer is not shortened", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these members matter here
  const refused = { completed: null, decisions: [] } as unknown as InferenceResponded;
  const { shorten } = topics.inferenceResponded;
  expect(shorten(refused)).toBe(refused);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only these members matter here
  const completed = {
    answer: { choices: [{}], embeddings: [] },
  } as unknown as InferenceResponded["completed"];
  const once = shorten({ ...refused, completed });
  expect(shorten(once)).toBe(once);
});
