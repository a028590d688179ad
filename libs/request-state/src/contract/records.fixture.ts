import { randomUUID } from "node:crypto";
import type {
  Completed,
  CostMetered,
  InferenceAdmitted,
  InferenceResponded,
} from "@sluice/contracts";
import { attemptIdOf, hashOf } from "@sluice/domain";
import { aChoice, aCompletion, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { completedOutcome, refusedOutcome } from "../outcome-of.ts";

/** A new tenant for each run, so that suites on one server do not share keys. */
export const fixtureTenant = `tenant-${randomUUID()}`;

export function admittedFixture(changes: Partial<InferenceAdmitted> = {}): InferenceAdmitted {
  const requestId = randomUUID();
  const ordinary = anAdmission();
  return {
    ...ordinary,
    request: aRequest({ requestId }),
    attribution: { ...ordinary.attribution, tenant: fixtureTenant },
    deadlineAt: Date.now() + 120_000,
    bodyHash: hashOf(requestId),
    reply: "live",
    ...changes,
  };
}

function completedWith(content: string, changes: Partial<Completed> = {}): Completed {
  const { answer, ...ordinary } = aCompletion({ attemptId: null, ...changes });
  return { ...ordinary, answer: { ...answer, choices: [aChoice({ content })] } };
}

export function answeredFixture(admitted: InferenceAdmitted, content: string): InferenceResponded {
  return completedOutcome(admitted, {
    completed: completedWith(content),
    attempts: 1,
    lookup: null,
    decisions: [],
    completedAt: admitted.admittedAt + 100,
  });
}

export function hitFixture(admitted: InferenceAdmitted, content: string): InferenceResponded {
  return completedOutcome(admitted, {
    completed: completedWith(content, { cache: "exact", costNanoUsd: 0n }),
    attempts: 0,
    lookup: null,
    decisions: [],
    completedAt: admitted.admittedAt + 1,
  });
}

export function failedFixture(admitted: InferenceAdmitted, reason = "No."): InferenceResponded {
  return refusedOutcome(admitted, {
    kind: "failed",
    code: "provider_failed",
    reason,
    attempts: 1,
    lookup: null,
    decisions: [],
    completedAt: admitted.admittedAt + 50,
  });
}

export function meteredFixture(admitted: InferenceAdmitted, attemptNumber: number): CostMetered {
  const { requestId, tags } = admitted.request;
  const { variant, provider, model, tier, complexity, cache, usage } = aCompletion();
  return {
    requestId,
    attemptId: attemptIdOf(fixtureTenant, requestId, admitted.admittedAt, attemptNumber),
    attemptNumber,
    kind: "reported",
    attribution: admitted.attribution,
    tags,
    ...{ variant, provider, model, tier, complexity, cache, usage },
    lane: "realtime",
    calledAt: admitted.admittedAt,
    meteredAt: admitted.admittedAt + 90,
    estimatedFigures: [],
    raw: null,
    reason: "answered",
    windows: [],
    runId: null,
  };
}
