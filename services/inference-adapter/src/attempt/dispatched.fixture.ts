import type {
  Candidate,
  InferenceAdmitted,
  InferenceDispatched,
  InferenceRequested,
  Message,
  Rates,
} from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import type { AttemptState, RequestHistory } from "@sluice/request-state";

export const admittedAt = 1_800_000_000_000;

const rates: Rates = {
  inputNanoUsd: 150_000_000n,
  outputNanoUsd: 600_000_000n,
  cachedInputNanoUsd: 75_000_000n,
  cacheWriteNanoUsd: null,
  reasoningNanoUsd: null,
  otherNanoUsd: {},
};

const message: Message = {
  role: "user",
  content: "What is the capital of France?",
  parts: null,
  toolCalls: null,
  toolCallId: null,
  name: null,
};

/** Time stands until a test moves it. */
export class StoppedClock extends Clock {
  at = admittedAt + 50;

  override now(): number {
    return this.at;
  }
}

export function aCandidate(changed: Partial<Candidate> = {}): Candidate {
  return {
    variant: "small",
    provider: "acme-ai",
    model: "sim-economy",
    tier: "economy",
    outputLimit: 400n,
    worstCaseNanoUsd: 1_000_000n,
    rates,
    ...changed,
  };
}

export const large = aCandidate({ variant: "large", model: "sim-standard", tier: "standard" });

export interface DispatchedChanges {
  readonly admitted?: Partial<InferenceAdmitted>;
  readonly requestId?: string;
  readonly prompt?: string;
  readonly parameters?: string;
  readonly onDoubt?: "retry" | "fail";
  readonly candidates?: readonly Candidate[];
  /** Asks for embeddings of them. */
  readonly inputs?: readonly string[];
}

export function aDispatched(changes: DispatchedChanges = {}): InferenceDispatched {
  return {
    admitted: {
      request: requestWith(changes),
      attribution: { tenant: "acme", team: "search", feature: "answers", user: "bot", key: "k1" },
      admittedAt,
      deadlineAt: admittedAt + 120_000,
      bodyHash: "00000000000000000000000000000000",
      origin: "http",
      reply: "none",
      remembered: false,
      correlationId: null,
      lookup: null,
      decisions: [],
      ...changes.admitted,
    },
    lookup: {
      result: "miss",
      cacheKey: "11111111111111111111111111111111",
      namespace: "default",
      fills: true,
      ttlSeconds: 86_400,
      reason: null,
    },
    classification: { complexity: "simple", score: 0.1, margin: 0.2, reasons: [] },
    dispatch: {
      lane: "realtime",
      inputTokens: 14n,
      answers: changes.inputs?.length ?? 1,
      candidates: changes.candidates ?? [aCandidate(), large],
    },
    decisions: [],
  };
}

function requestWith(changes: DispatchedChanges): InferenceRequested {
  return {
    requestId: changes.requestId ?? "r-1",
    model: "auto",
    messages: changes.inputs ? [] : [{ ...message, content: changes.prompt ?? message.content }],
    parameters: changes.parameters ?? "{}",
    requirements: {
      requiredAccuracy: null,
      maxLatencyMs: null,
      maxCostNanoUsd: null,
      deadlineAt: null,
      lane: "realtime",
      onDoubt: changes.onDoubt ?? "retry",
    },
    cache: { mode: "automatic", ttlSeconds: null },
    sessionId: null,
    runId: null,
    stepId: null,
    tags: {},
    operation: changes.inputs ? "embeddings" : "chat",
    inputs: changes.inputs ?? [],
    tokenInputs: [],
  };
}

export function aHistory(changed: Partial<RequestHistory> = {}): RequestHistory {
  return {
    outcome: null,
    answerGone: false,
    cancelled: false,
    replyBegan: false,
    attempts: [],
    ...changed,
  };
}

export function anAttempt(changed: Partial<AttemptState>): AttemptState {
  return { number: 1, phase: "failed", leaseLeftMs: 0, metered: null, reason: null, ...changed };
}
