import type { ApiError } from "../api-error.ts";

/** The types of Anthropic's errors by status, by its page "Errors". */
const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
};

/** Returns the body of a refusal in Anthropic's form. */
export function errorEnvelopeOf({ status, message }: ApiError, requestId: string): object {
  const type = errorTypes[status] ?? "api_error";
  return { type: "error", error: { type, message }, request_id: requestId };
}
