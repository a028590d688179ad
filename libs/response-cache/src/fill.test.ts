import type { Choice, InferenceResponded } from "@sluice/contracts";
import { embeddingOf } from "@sluice/domain";
import { refusedOutcome } from "@sluice/request-state";
import { expect, test } from "vitest";
import { fillOf, isFillable } from "./fill.ts";
import { hitOutcome, savingOf } from "./hit.ts";
import { InMemoryTopicCodecs, topics } from "@sluice/contracts";
import {
  admittedFixture,
  choiceFixture,
  completedFixture,
  lookupFixture,
  now,
  outcomeFixture,
} from "./records.fixture.ts";

const withChoice = (changes: Partial<Choice>): InferenceResponded => {
  const { answer } = completedFixture();
  return outcomeFixture({
    answer: { ...answer, choices: [choiceFixture, { ...choiceFixture, ...changes }] },
  });
};

test("a provider's complete answer is cached until its time to live has passed", () => {
  expect(fillOf(outcomeFixture())).toEqual({
    address: { tenant: "acme", namespace: "default", cacheKey: "key" },
    entry: {
      completed: completedFixture(),
      completedAt: now,
      expiresAt: now + 3_600_000,
      requestId: "r1",
    },
  });
  expect(isFillable(outcomeFixture({ cache: "bypass" }, { result: "bypass" }))).toBe(true);
});

test("embeddings are cached, although they have no choices", () => {
  const { answer } = completedFixture();
  const embeddings = { ...answer, choices: [], embeddings: [embeddingOf([1, 0])] };
  expect(isFillable(outcomeFixture({ answer: embeddings }))).toBe(true);
  expect(isFillable(outcomeFixture({ answer: { ...embeddings, embeddings: [] } }))).toBe(false);
});

test.each([
  ["a refusal", withChoice({ refusal: "I cannot." })],
  ["tool calls", withChoice({ toolCalls: "[]" })],
  ["an answer cut at its limit", withChoice({ finishReason: "length" })],
  ["a filtered answer", withChoice({ finishReason: "content_filter" })],
  ["an unknown reason to stop", withChoice({ finishReason: "gremlin" })],
  ["no content", withChoice({ content: null })],
  ["an empty content", withChoice({ content: "" })],
  ["a blank content", withChoice({ content: " \n" })],
  ["no choices", outcomeFixture({ answer: { ...completedFixture().answer, choices: [] } })],
  ["an answer we cut", outcomeFixture({ answer: { ...completedFixture().answer, cut: true } })],
  ["an exact hit", outcomeFixture({ cache: "exact" })],
  ["a semantic hit", outcomeFixture({ cache: "semantic" })],
  ["a request that must not be stored", outcomeFixture({}, { fills: false })],
  ["an outcome without a lookup", { ...outcomeFixture(), lookup: null }],
  [
    "a failure",
    refusedOutcome(admittedFixture(), {
      kind: "failed",
      code: "provider_failed",
      reason: "No.",
      attempts: 1,
      lookup: lookupFixture(),
      decisions: [],
      completedAt: now,
    }),
  ],
])("%s is not stored", (_what, outcome) => {
  expect(fillOf(outcome)).toBeNull();
});

const { entry } = fillOf(outcomeFixture())!;
const hit = hitOutcome(
  admittedFixture(),
  lookupFixture({ result: "exact" }),
  entry,
  "cache-lookup",
  now + 5,
);

test("a hit has the entry's answer at no cost, and names the request that paid for it", () => {
  expect(hit).toMatchObject({
    outcome: "completed",
    attempts: 0,
    completedAt: now + 5,
    completed: { ...entry.completed, cache: "exact", attemptId: null, costNanoUsd: 0n },
    decisions: [
      {
        stage: "cache-lookup",
        decision: "exact-hit",
        reasons: ["answered by small for request r1"],
      },
    ],
  });
  expect(isFillable(hit)).toBe(false);
});

test("the saving is attempt 0 with the avoided usage, and is the same record each time", () => {
  const saving = savingOf(admittedFixture(), hit);
  expect(saving).toMatchObject({
    kind: "saving",
    attemptNumber: 0,
    calledAt: now + 5,
    lane: "realtime",
    cache: "exact",
    reason: "hit",
    usage: entry.completed.usage,
    tags: { experiment: "b" },
  });
  expect(savingOf(admittedFixture(), hit)).toEqual(saving);
});

test("the hit and its saving can be encoded for their topics", () => {
  const codecs = new InMemoryTopicCodecs();
  expect(() => codecs.encode(topics.inferenceResponded, hit)).not.toThrow();
  expect(() => codecs.encode(topics.costMetered, savingOf(admittedFixture(), hit))).not.toThrow();
});

test("a refusal has no saving", () => {
  expect(() => savingOf(admittedFixture(), { ...hit, completed: null })).toThrow("saves");
});
