/** What OpenAI's SDKs make their error classes from. */
export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "insufficient_quota"
  | "rate_limit_error"
  | "server_error";

/** Every code that HTTP callers can read; documented in docs/reference/errors.md. */
export type ApiErrorCode =
  | "answer_expired"
  | "body_too_large"
  | "deadline_exceeded"
  | "idempotency_conflict"
  | "invalid_api_key"
  | "invalid_header"
  | "invalid_json"
  | "invalid_value"
  | "model_not_found"
  | "not_found"
  | "overloaded"
  | "unavailable"
  | "unknown_parameter"
  | "unsupported_media_type"
  | "unsupported_parameter"
  | "internal_error";

export interface ApiErrorOptions {
  /** The field or header that is wrong; null for the request as a whole. */
  readonly param?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer in OpenAI's error envelope. The only place, with its table below, that knows HTTP codes. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly type: ApiErrorType;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.code = code;
    this.type = typeOf(status);
    this.param = options.param ?? null;
    this.headers = options.headers ?? {};
  }

  envelope(): { readonly error: object } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

export function badRequest(code: ApiErrorCode, message: string, param: string | null): ApiError {
  return new ApiError(400, code, message, { param });
}

export function noSuchPath(): ApiError {
  const message = "There is no such path; see docs/reference for those that are.";
  return new ApiError(404, "not_found", message);
}

export function bodyTooLarge(bytesMax: number): ApiError {
  const message = `The body exceeds ${bytesMax / 1_024} KiB; shorten it.`;
  return new ApiError(413, "body_too_large", message);
}

/** Says that waiting helps, and how long. */
export function unavailable(code: ApiErrorCode, message: string, cause?: unknown): ApiError {
  return new ApiError(503, code, message, { headers: { "retry-after": "1" }, cause });
}

/** How the codes of declined and failed outcomes are told over HTTP. */
const statusOfOutcome: Readonly<Record<string, number>> = {
  budget_exceeded: 402,
  client_closed: 499,
  context_length_exceeded: 400,
  deadline_exceeded: 504,
  in_doubt: 502,
  internal_error: 500,
  invalid_value: 400,
  lane_unavailable: 400,
  model_not_found: 404,
  no_variant_fits: 400,
  provider_failed: 502,
  provider_refused: 400,
  stream_interrupted: 502,
  shed: 503,
  unknown_parameter: 400,
  unsupported_parameter: 400,
};

/** The model cannot do what is asked of it: nothing was decided yet, and another body may be sent. */
export function errorOfModel(refusal: {
  readonly code: "model_not_found" | "invalid_value";
  readonly reason: string;
  readonly param: string;
}): ApiError {
  const { code, reason, param } = refusal;
  return new ApiError(statusOfOutcome[code] ?? 400, code, reason, { param });
}

/** @returns the answer for an outcome that is no completion. */
export function errorOfRefusal(refused: {
  readonly code: string;
  readonly reason: string;
}): ApiError {
  const status = statusOfOutcome[refused.code] ?? 500;
  // What was decided once for this request stands: an SDK's own retry would only wait for the same.
  const headers = { "x-should-retry": "false" };
  return new ApiError(status, refused.code, refused.reason, { headers });
}

function typeOf(status: number): ApiErrorType {
  if (status === 401) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}
