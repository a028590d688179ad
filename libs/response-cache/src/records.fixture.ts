import type {
  Choice,
  Completed,
  InferenceAdmitted,
  InferenceRequested,
  InferenceResponded,
  Lookup,
} from "@sluice/contracts";
import { noUsage } from "@sluice/domain";
import { completedOutcome } from "@sluice/request-state";

export const now = 1_790_000_000_000;

export function requestFixture(changes: Partial<InferenceRequested> = {}): InferenceRequested {
  return {
    requestId: "r1",
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
      lane: "any",
      onDoubt: "retry",
    },
    cache: { mode: "automatic", ttlSeconds: null },
    sessionId: null,
    runId: null,
    stepId: null,
    tags: { experiment: "b" },
    operation: "chat",
    inputs: [],
    tokenInputs: [],
    ...changes,
  };
}

export function admittedFixture(request = requestFixture()): InferenceAdmitted {
  return {
    request,
    attribution: {
      tenant: "acme",
      team: "search",
      feature: "answers",
      user: "mail-robot",
      key: "k1",
    },
    admittedAt: now - 50,
    deadlineAt: now + 120_000,
    bodyHash: "b",
    origin: "http",
    reply: "live",
    remembered: false,
    correlationId: null,
    lookup: null,
    decisions: [],
  };
}

export const choiceFixture: Choice = {
  index: 0,
  content: "A low dam.",
  refusal: null,
  toolCalls: null,
  logprobs: null,
  finishReason: "stop",
};

export function completedFixture(changes: Partial<Completed> = {}): Completed {
  return {
    answer: {
      choices: [choiceFixture],
      providerModel: "small",
      systemFingerprint: null,
      createdAt: now,
      cut: false,
      embeddings: [],
    },
    usage: { ...noUsage, inputTokens: 10n, outputTokens: 2n ** 60n, otherTokens: { audio: 3n } },
    variant: "small",
    provider: "simulator",
    model: "small",
    tier: "economy",
    complexity: "medium",
    cache: "miss",
    attemptId: "a1",
    costNanoUsd: 20n,
    rates: {
      inputNanoUsd: 1n,
      outputNanoUsd: 2n,
      cachedInputNanoUsd: null,
      cacheWriteNanoUsd: null,
      reasoningNanoUsd: null,
      otherNanoUsd: {},
    },
    ...changes,
  };
}

export function lookupFixture(changes: Partial<Lookup> = {}): Lookup {
  return {
    result: "miss",
    cacheKey: "key",
    namespace: "default",
    fills: true,
    ttlSeconds: 3_600,
    reason: null,
    ...changes,
  };
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
