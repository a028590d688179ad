import { InMemoryTopicCodecs, topics } from "@sluice/contracts";
import { partitionKeyOf } from "@sluice/domain";
import { expect, test } from "vitest";
import { refusedOutcome } from "./outcome-of.ts";
import {
  admittedFixture,
  answeredFixture,
  failedFixture,
  fixtureTenant,
} from "./contract/records.fixture.ts";
import { respondedMessage } from "./responded-message.ts";

const codecs = new InMemoryTopicCodecs();

test("a completed and a failed outcome are encoded for the response topic and decoded unchanged", async () => {
  const admitted = admittedFixture({ correlationId: "c-1" });
  for (const outcome of [answeredFixture(admitted, "a dam"), failedFixture(admitted)]) {
    const bytes = codecs.encode(topics.inferenceResponded, outcome);
    expect(await codecs.decode(topics.inferenceResponded, bytes)).toEqual(outcome);
  }
});

test("an outcome has the attribution, tags and ids of the admitted request", () => {
  const { request, ...rest } = admittedFixture({ correlationId: "c-1", remembered: true });
  const admitted = {
    ...rest,
    request: { ...request, tags: { a: "b" }, sessionId: "s", runId: "r" },
  };
  const outcome = refusedOutcome(admitted, {
    kind: "declined",
    code: "no_variant_fits",
    reason: "Nothing fits.",
    attempts: 0,
    lookup: null,
    decisions: [],
    completedAt: admitted.admittedAt + 1,
  });
  expect(outcome).toMatchObject({
    outcome: "declined",
    completed: null,
    refused: { code: "no_variant_fits", reason: "Nothing fits." },
    requestId: request.requestId,
    attribution: admitted.attribution,
    tags: { a: "b" },
    sessionId: "s",
    runId: "r",
    stepId: null,
    correlationId: "c-1",
    remembered: true,
    admittedAt: admitted.admittedAt,
    deadlineAt: admitted.deadlineAt,
  });
});

test("the response has the request's key, and the correlation id if the request had one", () => {
  const admitted = admittedFixture({ correlationId: "c-1" });
  const key = partitionKeyOf(fixtureTenant, admitted.request.requestId);
  const record = failedFixture(admitted);
  expect(respondedMessage(record)).toEqual({
    topic: topics.inferenceResponded,
    key,
    record,
    headers: { "correlation-id": "c-1" },
  });
  const without = failedFixture({ ...admitted, correlationId: null });
  expect(respondedMessage(without)).not.toHaveProperty("headers");
});
