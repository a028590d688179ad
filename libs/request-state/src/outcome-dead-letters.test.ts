import { type InferenceMissed, topics } from "@sluice/contracts";
import { partitionKeyOf } from "@sluice/domain";
import { beforeEach, expect, test } from "vitest";
import { refOfAdmitted } from "./request-ref.ts";
import { InMemoryAttempts } from "./in-memory/in-memory-attempts.ts";
import { InMemoryOutcomes } from "./in-memory/in-memory-outcomes.ts";
import { InMemoryRequests } from "./in-memory/in-memory-requests.ts";
import { OutcomeDeadLetters } from "./outcome-dead-letters.ts";
import { admittedFixture, answeredFixture, fixtureTenant } from "./contract/records.fixture.ts";

let outcomes: InMemoryOutcomes;
let attempts: InMemoryAttempts;
let requests: InMemoryRequests;
let deadLetters: OutcomeDeadLetters;
beforeEach(() => {
  requests = new InMemoryRequests();
  outcomes = new InMemoryOutcomes(requests);
  attempts = new InMemoryAttempts(requests);
  deadLetters = new OutcomeDeadLetters(outcomes, attempts);
});

const lookup = {
  result: "miss" as const,
  cacheKey: "k",
  namespace: "",
  fills: true,
  ttlSeconds: 60,
  reason: null,
};

test("an admitted request whose message cannot be handled fails with the stage's code", async () => {
  const admitted = admittedFixture({ correlationId: "c-1" });
  const messages = await deadLetters.failed("inference.admitted", admitted, "STAGE_DEFECT");
  expect(messages).toMatchObject([
    {
      topic: topics.inferenceResponded,
      key: partitionKeyOf(fixtureTenant, admitted.request.requestId),
      headers: { "correlation-id": "c-1" },
      record: {
        outcome: "failed",
        refused: { code: "internal_error", reason: expect.stringContaining("STAGE_DEFECT") },
        attempts: 0,
        lookup: null,
        decisions: [{ stage: "dead-letter", decision: "failed", reasons: ["STAGE_DEFECT"] }],
      },
    },
  ]);
});

test("the outcome keeps the decisions of earlier stages and the number of provider calls", async () => {
  const admitted = admittedFixture();
  const ref = refOfAdmitted(admitted);
  const claim = await attempts.claim(ref, 1, "owner-a", 1_000, null);
  if (claim.kind !== "held") throw new Error("The attempt was not claimed.");
  await attempts.calling(ref, 1, claim.fence, 10_000);
  await attempts.fail(ref, 1, claim.fence, { reason: "429", metered: null });
  await attempts.claim(ref, 2, "owner-a", 1_000, null);
  const decisions = [{ stage: "cache-lookup", decision: "miss", reasons: [], version: 0n }];
  const missed: InferenceMissed = { admitted, lookup, decisions };
  expect(await deadLetters.failed("inference.dispatched.realtime", missed, "X")).toMatchObject([
    { record: { attempts: 1, lookup, decisions: [decisions[0], { stage: "dead-letter" }] } },
  ]);
});

test("an attempt that runs ends the request, and not the dead letter of a late copy of an earlier message", async () => {
  const admitted = admittedFixture();
  const ref = refOfAdmitted(admitted);
  const claim = await attempts.claim(ref, 1, "owner-a", 60_000, null);
  if (claim.kind !== "held") throw new Error("The attempt was not claimed.");
  await attempts.calling(ref, 1, claim.fence, 60_000);
  const missed: InferenceMissed = { admitted, lookup, decisions: [] };
  expect(await deadLetters.failed("inference.classified", missed, "X")).toEqual([]);
  expect(await attempts.history(ref)).toMatchObject({ outcome: null });
  expect(await deadLetters.failed("inference.dispatched.realtime", missed, "X")).toMatchObject([
    { record: { outcome: "failed", attempts: 1 } },
  ]);
});

test("a request that had ended keeps its outcome, and the outcome is published again", async () => {
  const admitted = admittedFixture();
  const outcome = answeredFixture(admitted, "a dam");
  await outcomes.claim([outcome], "decision");
  expect(await deadLetters.failed("inference.admitted", admitted, "X")).toMatchObject([
    { record: outcome },
  ]);
});

test("nothing is published for an answer that has expired", async () => {
  const admitted = admittedFixture();
  await outcomes.claim([answeredFixture(admitted, "a dam")], "decision");
  requests.forgetAnswer(refOfAdmitted(admitted));
  expect(await deadLetters.failed("inference.admitted", admitted, "X")).toEqual([]);
});

test.each(["inference.requested", "inference.responded", "cost.metered"])(
  "a dead letter of %s does not end a request",
  async (topic) => {
    const admitted = admittedFixture();
    expect(await deadLetters.failed(topic, admitted, "X")).toEqual([]);
    expect(await attempts.history(refOfAdmitted(admitted))).toMatchObject({ outcome: null });
  },
);
