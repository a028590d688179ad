import {
  type Choice,
  type Completed,
  defaultMessage,
  defaultRequest,
  type InferenceAdmitted,
  type InferenceClassified,
  type InferenceRequested,
  type InferenceResponded,
  type Lookup,
  type Message,
  type Rates,
} from "@sluice/contracts";

/** Ordinary records. A test states only the fields that matter to it. */

export function aMessage(changed: Partial<Message> = {}): Message {
  return { ...defaultMessage, role: "user", content: "What is the capital of France?", ...changed };
}

export function aRequest(changed: Partial<InferenceRequested> = {}): InferenceRequested {
  return { ...defaultRequest, requestId: "r-1", messages: [aMessage()], ...changed };
}

export function anAdmission(changed: Partial<InferenceAdmitted> = {}): InferenceAdmitted {
  return {
    request: aRequest(),
    attribution: {
      tenant: "acme",
      team: "search",
      feature: "answers",
      user: "bot",
      key: "k1",
      signature: "",
    },
    admittedAt: 1_800_000_000_000,
    deadlineAt: 1_800_000_120_000,
    bodyHash: "00000000000000000000000000000000",
    origin: "http",
    reply: "none",
    remembered: false,
    correlationId: null,
    lookup: null,
    decisions: [],
    ...changed,
  };
}

export const aMiss: Lookup = {
  result: "miss",
  cacheKey: "11111111111111111111111111111111",
  namespace: "default",
  fills: true,
  ttlSeconds: 86_400,
  reason: null,
};

export function aClassified(changed: Partial<InferenceClassified> = {}): InferenceClassified {
  return {
    admitted: anAdmission(),
    lookup: aMiss,
    classification: { complexity: "simple", score: 0.1, margin: 0.2, reasons: [] },
    decisions: [],
    ...changed,
  };
}

export const someRates: Rates = {
  inputNanoUsd: 150_000_000n,
  outputNanoUsd: 600_000_000n,
  cachedInputNanoUsd: 75_000_000n,
  cacheWriteNanoUsd: null,
  cacheWriteHourNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: {},
};

export function aChoice(changed: Partial<Choice> = {}): Choice {
  return {
    index: 0,
    content: "Paris.",
    refusal: null,
    toolCalls: null,
    logprobs: null,
    members: null,
    finishReason: "stop",
    ...changed,
  };
}

export function aCompletion(changed: Partial<Completed> = {}): Completed {
  return {
    answer: {
      choices: [aChoice()],
      providerModel: "small-1",
      systemFingerprint: null,
      createdAt: 1_800_000_001_000,
      cut: false,
      embeddings: [],
    },
    usage: {
      inputTokens: 14n,
      cachedInputTokens: 0n,
      cacheWriteTokens: null,
      cacheWriteHourTokens: null,
      outputTokens: 2n,
      reasoningTokens: 0n,
      otherTokens: {},
    },
    variant: "small",
    provider: "acme-ai",
    model: "small-1",
    tier: "economy",
    complexity: "simple",
    cache: "miss",
    attemptId: "22222222222222222222222222222222",
    costNanoUsd: 3_300n,
    rates: someRates,
    ...changed,
  };
}

export function anOutcome(changed: Partial<InferenceResponded> = {}): InferenceResponded {
  const { request, attribution, admittedAt, deadlineAt } = anAdmission();
  return {
    requestId: request.requestId,
    attribution,
    tags: {},
    outcome: "completed",
    admittedAt,
    completedAt: admittedAt + 1_000,
    completed: aCompletion(),
    refused: null,
    attempts: 1,
    lookup: null,
    sessionId: null,
    runId: null,
    stepId: null,
    correlationId: null,
    remembered: false,
    deadlineAt,
    decisions: [],
    ...changed,
  };
}
