import type {
  Completed,
  InferenceAdmitted,
  InferenceRequested,
  InferenceResponded,
  Lookup,
} from "@sluice/contracts";
import { noUsage } from "@sluice/domain";
import { completedOutcome } from "@sluice/request-state";
import {
  aChoice,
  aCompletion,
  aMessage,
  aMiss,
  anAdmission,
  aRequest,
} from "@sluice/testing/fixtures";

export const now = anAdmission().admittedAt + 50;

export function requestFixture(changes: Partial<InferenceRequested> = {}): InferenceRequested {
  return aRequest({
    requestId: "r1",
    messages: [aMessage({ content: "What is a weir?" })],
    tags: { experiment: "b" },
    ...changes,
  });
}

export function admittedFixture(request = requestFixture()): InferenceAdmitted {
  return anAdmission({ request, reply: "live" });
}

export const choiceFixture = aChoice();

/** Its usage has numbers that a double cannot hold, and a class of its own. */
export function completedFixture(changes: Partial<Completed> = {}): Completed {
  return aCompletion({
    usage: { ...noUsage, inputTokens: 10n, outputTokens: 2n ** 60n, otherTokens: { audio: 3n } },
    complexity: "medium",
    ...changes,
  });
}

export function lookupFixture(changes: Partial<Lookup> = {}): Lookup {
  return { ...aMiss, cacheKey: "key", ttlSeconds: 3_600, ...changes };
}

export function outcomeFixture(
  completed: Partial<Completed> = {},
  lookup: Partial<Lookup> = {},
): InferenceResponded {
  return completedOutcome(admittedFixture(), {
    completed: completedFixture(completed),
    attempts: 1,
    lookup: lookupFixture(lookup),
    decisions: [],
    completedAt: now,
  });
}
