import { doubledMs, type EpochMillis } from "@sluice/domain";

/** The provider refused the call, or was never reached. It bills nothing. */
export const refusalCodes = [
  "rate_limited",
  "quota_exhausted",
  "server_error",
  "unauthorized",
  "model_unknown",
  "context_length_exceeded",
  "request_refused",
  "unreachable",
  "connection_stale",
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/** The request was sent and its answer is not complete, so it is not known what the provider bills. */
export const lossCodes = [
  "timed_out",
  "connection_lost",
  "aborted",
  "answer_too_long",
  "provider_error",
] as const;
export type LossCode = (typeof lossCodes)[number];

/**
 * The provider answered and bills the call, but the answer cannot be used. A further call would be
 * billed too.
 */
export const unusableCodes = [
  "answer_unusable",
  "answer_too_large",
  "answer_empty",
  "answer_unreadable",
] as const;
export type UnusableCode = (typeof unusableCodes)[number];

export type FailureCode = RefusalCode | LossCode | UnusableCode;

/**
 * Why an attempt failed. The attempt record stores it, so that another owner can decide what is
 * next.
 */
export interface AttemptFailure {
  readonly code: FailureCode;
  readonly variant: string;
  /** The HTTP status; null if there was no response. */
  readonly status: number | null;
  /** When the same variant may be called again; null if it would fail for the same reason. */
  readonly retryAt: EpochMillis | null;
  /** The provider's own words about a request that it refused, for the client; absent if there are none. */
  readonly words?: string | undefined;
  /** The parameter at fault, as the provider names it; absent if that is not known. */
  readonly param?: string | undefined;
}

/** Returns the failure as the JSON text that the attempt record stores. */
export function encodeFailure(failure: AttemptFailure): string {
  return JSON.stringify(failure);
}

/** Reads a stored failure. Returns null for an unknown form, which then excludes no candidate. */
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
    (read.retryAt === null || typeof read.retryAt === "number") &&
    (!("words" in read) || typeof read.words === "string") &&
    (!("param" in read) || typeof read.param === "string")
  );
}

/** Failures after which the same variant would fail again. */
const neverRetried: ReadonlySet<FailureCode> = new Set([
  "unauthorized",
  "quota_exhausted",
  "model_unknown",
  "context_length_exceeded",
  "request_refused",
  "answer_too_long",
  ...unusableCodes,
]);

const backOff = { firstMs: 500, maxMs: 8_000 };

/**
 * Returns when the same variant may be called again: after the time that the provider asked for, or
 * else after a back-off that doubles with each attempt. Returns null if it may not be called again.
 */
export function retryAtOf(
  failure: { readonly code: FailureCode; readonly retryAfterMs: number | null },
  attemptNumber: number,
  now: EpochMillis,
): EpochMillis | null {
  if (neverRetried.has(failure.code)) return null;
  // The next call uses another connection, and nothing speaks against it.
  if (failure.code === "connection_stale") return now;
  return now + (failure.retryAfterMs ?? doubledMs(backOff, attemptNumber));
}
