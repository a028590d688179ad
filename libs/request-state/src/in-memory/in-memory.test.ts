import { beforeEach, expect, test } from "vitest";
import { Clock } from "@sluice/domain";
import { admissionsContract } from "../contract/admissions.contract.ts";
import { attemptsContract } from "../contract/attempts.contract.ts";
import { type OutcomeHarness } from "../contract/contract-harness.fixture.ts";
import { InMemoryAdmissions } from "./in-memory-admissions.ts";
import { InMemoryAttempts } from "./in-memory-attempts.ts";
import { InMemoryOutcomes } from "./in-memory-outcomes.ts";
import { InMemoryReplies } from "./in-memory-replies.ts";
import { InMemoryRequests } from "./in-memory-requests.ts";
import { outcomesContract } from "../contract/outcomes.contract.ts";
import { admittedFixture, answeredFixture } from "../contract/records.fixture.ts";
import { publishedContract } from "../contract/published.contract.ts";
import { reservationsContract } from "../contract/reservations.contract.ts";
import { repliesContract } from "../contract/replies.contract.ts";

let harness: OutcomeHarness;
beforeEach(() => {
  const requests = new InMemoryRequests();
  harness = {
    admissions: new InMemoryAdmissions(requests),
    outcomes: new InMemoryOutcomes(requests),
    attempts: new InMemoryAttempts(requests),
    replies: new InMemoryReplies(requests),
    budgets: requests.budgets,
    forgetAnswer: async (ref) => requests.forgetAnswer(ref),
    forgetTokens: async (ref) => requests.forgetTokens(ref),
    forget: async (ref) => requests.forget(ref),
  };
});

admissionsContract("in memory", () => harness);
outcomesContract("in memory", () => harness);
attemptsContract("in memory", () => harness);
publishedContract("in memory", () => harness);
repliesContract("in memory", () => harness);
reservationsContract("in memory", () => harness);

class HandClock extends Clock {
  at = 1_790_000_000_000;
  override now(): number {
    return this.at;
  }
}

test.each([
  { remembered: true, keptMs: 24 * 60 * 60 * 1000 },
  { remembered: false, keptMs: 60_000 + 10 * 60 * 1000 },
])("a published answer is kept for $keptMs ms when remembered is $remembered", async (kept) => {
  const clock = new HandClock();
  const requests = new InMemoryRequests(clock);
  const outcomes = new InMemoryOutcomes(requests);
  const admissions = new InMemoryAdmissions(requests);
  const deadlineAt = clock.at + 60_000;
  const admitted = admittedFixture({ remembered: kept.remembered, deadlineAt });
  const outcome = answeredFixture(admitted, "a dam");
  await admissions.admit([{ admitted }]);
  await outcomes.claim([outcome], "decision");
  await outcomes.published([{ outcome, meteredAttempts: [] }]);
  clock.at += kept.keptMs - 1;
  await outcomes.published([{ outcome, meteredAttempts: [] }]);
  expect(await admissions.find([admitted])).toEqual([{ kind: "ended", outcome }]);
  clock.at += 1;
  expect(await admissions.find([admitted])).toEqual([{ kind: "ended", outcome: null }]);
});
