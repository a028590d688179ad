import { doubledMs, type EpochMillis } from "@sluice/domain";

/** The provider said no, or was never reached: it bills nothing. */
export const refusalCodes = [
  "rate_limited",
  "server_error",
  "unauthorized",
  "model_unknown",
  "context_length_exceeded",
  "request_refused",
  "unreachable",
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/** The request was sent, and what the provider bills is not known from it. */
export const lossCodes = ["timed_out", "connection_lost", "aborted"] as const;
export type LossCode = (typeof lossCodes)[number];

/** It answered and is to be paid, with what nobody can use; asked again it would be paid again. */
export const unusableCodes = ["answer_unusable", "answer_too_large"] as const;
export type UnusableCode = (typeof unusableCodes)[number];

export type FailureCode = RefusalCode | LossCode | UnusableCode;

/** Why an attempt failed, as the attempt record keeps it: the next owner decides by it. */
export interface AttemptFailure {
  readonly code: FailureCode;
  readonly variant: string;
  /** HTTP status, where there was an answer. */
  readonly status: number | null;
  /** The same variant may be tried again from then on; null: it would only fail again. */
  readonly retryAt: EpochMillis | null;
}

export function encodeFailure(failure: AttemptFailure): string {
  return JSON.stringify(failure);
}

/** Null for what another version wrote: an unknown failure forbids nothing. */
export function decodeFailure(reason: string | null): AttemptFailure | null {
  if (reason === null) return null;
  try {
    const read: unknown = JSON.parse(reason);
    return isFailure(read) ? read : null;
  } catch {
    return null;
  }
}

function isFailure(read: unknown): read is AttemptFailure {
  return (
    typeof read === "object" &&
    read !== null &&
    "code" in read &&
    [...refusalCodes, ...lossCodes, ...unusableCodes].some((code) => code === read.code) &&
    "variant" in read &&
    typeof read.variant === "string" &&
    "retryAt" in read &&
    (read.retryAt === null || typeof read.retryAt === "number")
  );
}

/** Repeating these with the same variant cannot help. */
const hopeless: ReadonlySet<FailureCode> = new Set([
  "unauthorized",
  "model_unknown",
  "context_length_exceeded",
  "request_refused",
  ...unusableCodes,
]);

const backOff = { firstMs: 500, maxMs: 8_000 };

/**
 * When the same variant may be called again: after what the provider asked for,
 * else after a back-off that doubles with each attempt.
 */
export function retryAtOf(
  failure: { readonly code: FailureCode; readonly retryAfterMs: number | null },
  attemptNumber: number,
  now: EpochMillis,
): EpochMillis | null {
  if (hopeless.has(failure.code)) return null;
  return now + (failure.retryAfterMs ?? doubledMs(backOff, attemptNumber));
}
