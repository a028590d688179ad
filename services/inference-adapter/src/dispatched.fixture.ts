import type { Candidate, InferenceAdmitted, InferenceDispatched } from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import type { AttemptState, RequestHistory } from "@sluice/outcomes";
import { aMiss, anAdmission, aRequest, noRequirements, someRates } from "@sluice/testing/fixtures";

export const admittedAt = 1_800_000_000_000;

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
    rates: someRates,
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
}

export function aDispatched(changes: DispatchedChanges = {}): InferenceDispatched {
  const plain = aRequest();
  const [message] = plain.messages;
  const request = aRequest({
    requestId: changes.requestId ?? plain.requestId,
    parameters: changes.parameters ?? "{}",
    requirements: { ...noRequirements, onDoubt: changes.onDoubt ?? "retry" },
    messages: message ? [{ ...message, content: changes.prompt ?? message.content }] : [],
  });
  return {
    admitted: anAdmission({
      request,
      admittedAt,
      deadlineAt: admittedAt + 120_000,
      ...changes.admitted,
    }),
    lookup: aMiss,
    classification: { complexity: "simple", score: 0.1, margin: 0.2, reasons: [] },
    dispatch: {
      lane: "realtime",
      inputTokens: 14n,
      answers: 1,
      candidates: changes.candidates ?? [aCandidate(), large],
    },
    decisions: [],
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
  return { number: 1, state: "failed", leaseLeftMs: 0, metered: null, reason: null, ...changed };
}
