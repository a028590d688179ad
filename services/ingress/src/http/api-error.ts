import type { InferenceResponded } from "@sluice/contracts";
import type { RefusedBecause } from "../admission/admit.ts";
import type { Refusal, RefusalCode } from "../request/refusal.ts";

/** The types from which OpenAI's SDKs choose their error classes. */
export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "insufficient_quota"
  | "rate_limit_error"
  | "server_error";

/** Every code that ingress itself returns over HTTP; documented in docs/reference/errors.md. */
export type ApiErrorCode =
  | RefusalCode
  | "answer_expired"
  | "client_closed"
  | "expectation_failed"
  | "headers_too_large"
  | "idempotency_conflict"
  | "internal_error"
  | "invalid_api_key"
  | "malformed_request"
  | "method_not_allowed"
  | "not_found"
  | "overloaded"
  | "request_timeout"
  | "unavailable"
  | "unsupported_content_encoding"
  | "unsupported_media_type"
  | "unsupported_transfer_encoding";

/**
 * The only table of HTTP statuses. It also has the codes of outcomes that other stages decide, so
 * that a code has the same status in every case. A code that is not in it is a 500.
 */
const statusOfCode: Readonly<Record<ApiErrorCode, number> & Record<string, number>> = {
  answer_expired: 409,
  body_too_large: 413,
  budget_exceeded: 402,
  client_closed: 499,
  context_length_exceeded: 400,
  deadline_exceeded: 504,
  expectation_failed: 417,
  headers_too_large: 431,
  idempotency_conflict: 409,
  in_doubt: 502,
  internal_error: 500,
  invalid_api_key: 401,
  invalid_header: 400,
  invalid_json: 400,
  invalid_value: 400,
  lane_unavailable: 400,
  loop_detected: 429,
  malformed_request: 400,
  method_not_allowed: 405,
  model_not_found: 404,
  name_not_allowed: 400,
  no_variant_fits: 400,
  not_found: 404,
  overloaded: 503,
  provider_busy: 503,
  provider_failed: 502,
  provider_quota_exhausted: 503,
  provider_rate_limited: 429,
  provider_refused: 400,
  rate_limit_exceeded: 429,
  request_timeout: 408,
  shed: 503,
  stream_interrupted: 502,
  unavailable: 503,
  unknown_parameter: 400,
  unsupported_content_encoding: 415,
  unsupported_media_type: 415,
  unsupported_parameter: 400,
  unsupported_transfer_encoding: 501,
};

/** OpenAI's SDKs obey this header. Without it they repeat a 409 or a 5xx on their own, and receive the same answer. */
const final = { "x-should-retry": "false" } as const;

export interface ApiErrorOptions {
  /** The field or header that is wrong; null for the request as a whole. */
  readonly param?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An error that a client receives in OpenAI's envelope. Its code decides its status. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly type: ApiErrorType;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  private constructor(code: string, message: string, options: ApiErrorOptions) {
    super(message, { cause: options.cause });
    this.status = statusOfCode[code] ?? 500;
    this.code = code;
    this.type = typeOf(this.status);
    this.param = options.param ?? null;
    this.headers = options.headers ?? {};
  }

  static of(code: ApiErrorCode, message: string, options: ApiErrorOptions = {}): ApiError {
    return new ApiError(code, message, options);
  }

  /** Returns the error for an outcome that is not completed. It is final: this request cannot end otherwise. */
  static ofOutcome({ refused }: Pick<InferenceResponded, "refused">): ApiError {
    const { code, reason, retryAfterMs, param } = refused ?? noReason;
    const headers = {
      ...final,
      ...waitHeadersOf(retryAfterMs),
      ...(refused && budgetHeaders(refused)),
    };
    return new ApiError(code, reason, { param, headers });
  }

  envelope(): { readonly error: object } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

const noReason = {
  code: "internal_error",
  reason: "The request ended without an answer and without a reason. Send it again.",
  retryAfterMs: null,
  param: null,
} as const;

function budgetHeaders({
  budget,
  resetsAt,
}: NonNullable<InferenceResponded["refused"]>): Readonly<Record<string, string>> {
  return {
    ...(budget !== null && { "x-sluice-budget": budget }),
    ...(resetsAt !== null && { "x-sluice-budget-resets-at": new Date(resetsAt).toISOString() }),
  };
}

/** OpenAI's SDKs read the milliseconds first. */
function waitHeadersOf(retryAfterMs: number | null): Readonly<Record<string, string>> {
  if (retryAfterMs === null) return {};
  const seconds = Math.ceil(retryAfterMs / 1_000);
  return { "retry-after": String(seconds), "retry-after-ms": String(retryAfterMs) };
}

/** Returns the error for a request that is wrong or exceeds a limit. Nothing was admitted, so the client may send it again, corrected or later. */
export function errorOfRefusal({ code, reason, param, retryAfterMs = null }: Refusal): ApiError {
  const headers = { ...(isFinal(code, retryAfterMs) && final), ...waitHeadersOf(retryAfterMs) };
  return ApiError.of(code, reason, { param, headers });
}

/**
 * Whether an SDK would repeat the request in vain: a deadline that has passed, more tokens than a limit allows at all. An
 * agent in a loop must receive its error at once and not after three requests.
 */
function isFinal(code: RefusalCode, retryAfterMs: number | null): boolean {
  const status = statusOfCode[code];
  return status >= 500 || code === "loop_detected" || (status === 429 && retryAfterMs === null);
}

/** Returns the error for a request whose idempotency key cannot be used any more. */
export function errorOfRefused(because: RefusedBecause): ApiError {
  const options = { param: "idempotency-key", headers: final };
  switch (because) {
    case "another-body": {
      const message = "This idempotency key belongs to a request with another body; use a new key.";
      return ApiError.of("idempotency_conflict", message, options);
    }
    case "answer-expired": {
      const message =
        "The answer to this idempotency key was given and is no longer kept; use a new key.";
      return ApiError.of("answer_expired", message, options);
    }
    case "stale-signature":
      return internalError();
    default:
      return because satisfies never;
  }
}

export function internalError(): ApiError {
  return ApiError.of(
    "internal_error",
    "Sluice met a defect while it handled the request, and logged it.",
  );
}

/** Returns the error for a request that the service can never take. Repeating it would fail in the same way. */
export function notTaken(cause: unknown): ApiError {
  const message =
    "Sluice cannot take this request, and a repeat would fail too; an operator must act.";
  return ApiError.of("internal_error", message, { headers: final, cause });
}

/** Returns the error for a request or an answer that does not fit into the memory of this process. */
export function memoryFull(): ApiError {
  return unavailable("overloaded", "Too many requests and answers are in memory; try again.");
}

/** Returns the error for a request that this process could not answer soon. */
export function tooBusy(): ApiError {
  return unavailable("overloaded", "Too many requests arrive at once; try again.");
}

/**
 * Returns the error for a request that was sent before the earlier one on its connection was answered.
 * No SDK does this. If the connection closed, Node would not report it for such a request, and what
 * the request holds would never be released.
 */
export function pipelined(): ApiError {
  const message =
    "A connection carries one request at a time; wait for its answer, then try again.";
  return unavailable("overloaded", message);
}

/** Returns the error for a request that had to wait until its process stopped. */
export function stopping(): ApiError {
  return unavailable("unavailable", "This process is stopping; try again.");
}

/** Returns the error for a wrong API key. It does not say what is wrong with the key. */
export function unauthenticated(): ApiError {
  const message =
    "The API key is missing, unknown or revoked; send 'Authorization: Bearer sk-sluice-…'.";
  return ApiError.of("invalid_api_key", message, {
    headers: { "www-authenticate": 'Bearer realm="Sluice"' },
  });
}

export function pathNotFound(): ApiError {
  const message = "There is no such path; docs/reference/http.md lists the paths that exist.";
  return ApiError.of("not_found", message);
}

/** Returns the error for a request that does not name one host, which RFC 9112, section 3.2, requires. */
export function hostMissing(): ApiError {
  return ApiError.of("malformed_request", "The request needs exactly one 'host' header; send it.");
}

export function requestTimeout(): ApiError {
  return ApiError.of("request_timeout", "The request did not arrive in time; send it again.");
}

export function transferEncodingUnsupported(): ApiError {
  const message =
    "The only transfer encoding is 'chunked'; send the body in chunks, or with its 'content-length'.";
  return ApiError.of("unsupported_transfer_encoding", message, { headers: final });
}

export function expectationFailed(): ApiError {
  const message = "The only expectation is '100-continue'; leave out the 'expect' header.";
  return ApiError.of("expectation_failed", message);
}

/** Returns the error for a request to a proxy, which this is not. */
export function connectNotAllowed(): ApiError {
  return methodNotAllowed(["GET", "HEAD", "OPTIONS", "POST"]);
}

/** Returns the error for a path that exists and does not have the method. */
export function methodNotAllowed(allowed: readonly string[]): ApiError {
  const allow = allowed.join(", ");
  const message = `This path does not have the method; it has ${allow}.`;
  return ApiError.of("method_not_allowed", message, { headers: { allow } });
}

/** @param isPacked whether it exceeds the limit only when it is unpacked */
export function bodyTooLarge(bytesMax: number, isPacked = false): ApiError {
  const problem = isPacked ? "unpacks to more than" : "exceeds";
  const message = `The body ${problem} ${bytesMax / 1_024} KiB; shorten it, and send images by their URL instead of their data.`;
  return ApiError.of("body_too_large", message);
}

/** Returns the error for a request whose answer has expired while its client waited for it. */
export function answerExpired(): ApiError {
  const message = "The answer is no longer kept; send the request again.";
  return ApiError.of("answer_expired", message, { headers: final });
}

/** Returns an error whose header makes the client wait one second and repeat the request. */
export function unavailable(
  code: "overloaded" | "unavailable",
  message: string,
  cause?: unknown,
): ApiError {
  return ApiError.of(code, message, { headers: { "retry-after": "1" }, cause });
}

export function stoppingSoon(): ApiError {
  return unavailable("unavailable", "The service is stopping; try again.");
}

export function deadlineExceeded(): ApiError {
  return ApiError.of(
    "deadline_exceeded",
    "No answer arrived before the deadline; allow more time with 'x-sluice-deadline'.",
    { headers: final },
  );
}

/** Returns the error for a client that has left. It is counted, and no client reads it. */
export function clientClosed(): ApiError {
  return ApiError.of("client_closed", "The client closed the connection before the answer.");
}

function typeOf(status: number): ApiErrorType {
  if (status === 401) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
