import { noUsage } from "@sluice/domain";
import { expect, test } from "vitest";
import { answerOf } from "../providers/in-memory-provider.ts";
import { aCandidate, aDispatched, admittedAt } from "./dispatched.fixture.ts";
import { intentOf, meteringOf } from "./metering.ts";
import { completedOutcomeOf } from "./outcome.ts";

test("an outcome with fewer answers than were requested lists how many the provider returned", () => {
  const reasonsFor = (answers: number): readonly string[] => {
    const plain = aDispatched();
    const dispatched = { ...plain, dispatch: { ...plain.dispatch, answers } };
    const candidate = aCandidate();
    const metered = meteringOf(intentOf(dispatched, 1, candidate, admittedAt), {
      ...{ calledAt: admittedAt, meteredAt: admittedAt, usage: noUsage },
      ...{ estimatedFigures: [], raw: null, reason: "answered" },
    });
    const attempt = { dispatched, candidate, callsBefore: 0, isAfterLoss: false };
    const answer = answerOf(["One"], "stop");
    return (
      completedOutcomeOf(attempt, answer, metered, { now: admittedAt, version: 7n }).decisions.at(
        -1,
      )?.reasons ?? []
    );
  };
  expect(reasonsFor(1)).toEqual(["call 1 was answered"]);
  expect(reasonsFor(3)).toEqual(["call 1 was answered", "the provider returned 1 of 3 answers"]);
});
