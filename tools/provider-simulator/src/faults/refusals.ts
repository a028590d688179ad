import { ApiError } from "../api-error.ts";
import type { BillReason } from "../bill/bill-journal.ts";
import type { ModelInterface } from "../models.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Fault } from "./faults.ts";

/** An error that a fault sends instead of an answer, in the words of OpenAI or of a provider with its interface. */
interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
  readonly reason: BillReason;
  /** Status and message of Anthropic, if they are not the same. Its type follows from the status. */
  readonly anthropic?: { readonly status: number; readonly message: string };
}

const refusals: Partial<Record<FaultKind, Refusal>> = {
  // DeepSeek's words.
  "402": {
    status: 402,
    type: "unknown_error",
    code: "invalid_request_error",
    message: "Insufficient Balance",
    reason: "payment-required",
  },
  "429": {
    status: 429,
    type: "requests",
    code: "rate_limit_exceeded",
    message: "Rate limit reached (simulated).",
    reason: "rate-limited",
  },
  "500": {
    status: 500,
    type: "server_error",
    code: null,
    message: "The server had an error while processing your request (simulated).",
    reason: "server-error",
  },
  "529": {
    status: 529,
    type: "server_error",
    code: "overloaded",
    message: "Overloaded (simulated).",
    reason: "overloaded",
  },
  "insufficient-quota": {
    status: 429,
    type: "insufficient_quota",
    code: "insufficient_quota",
    message: "You exceeded your current quota, please check your plan and billing details.",
    reason: "quota-exhausted",
    anthropic: {
      status: 400,
      message:
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    },
  },
};

/** The end of a call that a fault refuses. */
export interface RefusedCall {
  readonly error: ApiError;
  readonly reason: BillReason;
}

/** Returns the error of a fault that refuses its call; undefined for a fault of another kind. */
export function refusalOf(
  { kind, retryAfterSeconds }: Fault,
  called: ModelInterface,
): RefusedCall | undefined {
  const refusal = refusals[kind];
  if (!refusal) return undefined;
  const { type, code, reason } = refusal;
  const { status, message } = (called === "messages" && refusal.anthropic) || refusal;
  const headers = retryAfterSeconds === null ? {} : { "retry-after": String(retryAfterSeconds) };
  return { error: new ApiError(status, message, { type, code, headers }), reason };
}
