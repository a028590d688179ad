import {
  type BudgetWindow,
  type Candidate,
  defaultRequirements,
  type InferenceAdmitted,
  type InferenceDispatched,
  type InferenceRequested,
} from "@sluice/contracts";
import { Clock } from "@sluice/domain";
import type { AttemptState, RequestHistory } from "@sluice/request-state";
import { aClassified, aMessage, anAdmission, aRequest, someRates } from "@sluice/testing/fixtures";

export const { admittedAt } = anAdmission();

/** Shows the same time until a test changes it. */
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
    windows: [],
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
  readonly windows?: readonly BudgetWindow[];
  /** Makes the request one for embeddings of these texts. */
  readonly inputs?: readonly string[];
}

export function aDispatched(changes: DispatchedChanges = {}): InferenceDispatched {
  const admitted = anAdmission({ request: requestWith(changes), ...changes.admitted });
  return {
    ...aClassified({ admitted }),
    dispatch: {
      lane: "realtime",
      inputTokens: 14n,
      answers: changes.inputs?.length ?? 1,
      candidates: changes.candidates ?? [aCandidate(), large],
      windows: changes.windows ?? [],
    },
  };
}

function requestWith(changes: DispatchedChanges): InferenceRequested {
  const { requestId = "r-1", prompt, parameters = "{}", onDoubt = "retry", inputs } = changes;
  return aRequest({
    requestId,
    parameters,
    requirements: { ...defaultRequirements, onDoubt },
    ...(inputs ? { operation: "embeddings", messages: [], inputs } : {}),
    ...(prompt === undefined ? {} : { messages: [aMessage({ content: prompt })] }),
  });
}

export function aHistory(changed: Partial<RequestHistory> = {}): RequestHistory {
  return {
    outcome: null,
    answerGone: false,
    cancelled: false,
    replyBegan: false,
    attempts: [],
    attemptsBefore: 0,
    ...changed,
  };
}

export function anAttempt(changed: Partial<AttemptState>): AttemptState {
  return { number: 1, phase: "failed", leaseLeftMs: 0, metered: null, reason: null, ...changed };
}
