import { randomUUID } from "node:crypto";
import type {
  Attribution,
  Completed,
  CostMetered,
  InferenceAdmitted,
  InferenceResponded,
} from "@sluice/contracts";
import { attemptIdOf, hashOf, noUsage } from "@sluice/domain";
import { completedOutcome, refusedOutcome } from "../outcome-of.ts";

/** A fresh tenant for each run, so that suites on one server do not meet. */
export const fixtureTenant = `tenant-${randomUUID()}`;

const attribution: Attribution = {
  tenant: fixtureTenant,
  team: "search",
  feature: "answers",
  user: "mail-robot",
  key: "k1",
};

const admittedAt = 1_790_000_000_000;

export function admittedFixture(changes: Partial<InferenceAdmitted> = {}): InferenceAdmitted {
  const requestId = randomUUID();
  return {
    request: {
      requestId,
      model: "auto",
      messages: [
        {
          role: "user",
          content: "What is a weir?",
          parts: null,
          toolCalls: null,
          toolCallId: null,
          name: null,
        },
      ],
      parameters: "{}",
      requirements: {
        requiredAccuracy: null,
        maxLatencyMs: null,
        maxCostNanoUsd: null,
        deadlineAt: null,
        lane: "realtime",
        onDoubt: "retry",
      },
      cache: { mode: "automatic", ttlSeconds: null },
      sessionId: null,
      runId: null,
      stepId: null,
      tags: {},
      operation: "chat",
      inputs: [],
      tokenInputs: [],
    },
    attribution,
    admittedAt,
    deadlineAt: Date.now() + 120_000,
    bodyHash: hashOf(requestId),
    origin: "http",
    reply: "live",
    remembered: false,
    correlationId: null,
    lookup: null,
    decisions: [],
    ...changes,
  };
}

const rates = {
  inputNanoUsd: 1_000_000_000n,
  outputNanoUsd: 2_000_000_000n,
  cachedInputNanoUsd: null,
  cacheWriteNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: {},
};

export function completedFixture(content: string, changes: Partial<Completed> = {}): Completed {
  return {
    answer: {
      choices: [
        { index: 0, content, refusal: null, toolCalls: null, logprobs: null, finishReason: "stop" },
      ],
      providerModel: "small",
      systemFingerprint: null,
      createdAt: admittedAt,
      cut: false,
      embeddings: [],
    },
    usage: { ...noUsage, inputTokens: 10n, outputTokens: 5n },
    variant: "small",
    provider: "simulator",
    model: "small",
    tier: "economy",
    complexity: "simple",
    cache: "miss",
    attemptId: null,
    costNanoUsd: 20n,
    rates,
    ...changes,
  };
}

export function answeredFixture(admitted: InferenceAdmitted, content: string): InferenceResponded {
  return completedOutcome(admitted, {
    completed: completedFixture(content),
    attempts: 1,
    lookup: null,
    decisions: [],
    completedAt: admitted.admittedAt + 100,
  });
}

export function hitFixture(admitted: InferenceAdmitted, content: string): InferenceResponded {
  return completedOutcome(admitted, {
    completed: completedFixture(content, { cache: "exact", costNanoUsd: 0n }),
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
  const { requestId } = admitted.request;
  return {
    requestId,
    attemptId: attemptIdOf(fixtureTenant, requestId, admitted.admittedAt, attemptNumber),
    attemptNumber,
    kind: "reported",
    attribution,
    tags: {},
    variant: "small",
    provider: "simulator",
    model: "small",
    tier: "economy",
    complexity: "simple",
    lane: "realtime",
    cache: "miss",
    calledAt: admitted.admittedAt,
    meteredAt: admitted.admittedAt + 90,
    usage: { ...noUsage, inputTokens: 10n, outputTokens: 5n },
    estimatedFigures: [],
    raw: null,
    reason: "answered",
  };
}
