import type { RefusalCode } from "../../decide/failure.ts";

/** What a provider says about a call that it did not perform, or could not finish. */
export interface WireError {
  /** The HTTP status, or the one in the error itself; null if there is neither. */
  readonly status: number | null;
  readonly code: RefusalCode;
  /** The provider's own words, for people; null if it gave none. */
  readonly message: string | null;
  /** The parameter at fault, if the provider names one. */
  readonly parameter: string | null;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * Returns the error that a body reports, or null if it reports none. Many servers report errors in a body with
 * status 200, or as an event of a stream.
 *
 * @param body the parsed JSON of an answer, or of one event
 * @param status the HTTP status if it is itself an error
 */
export function wireErrorIn(body: unknown, status: number | null = null): WireError | null {
  const read = membersOf(body);
  const error = errorOf(read);
  if (error === null) return null;
  if (typeof error === "string") return wireErrorOf({ message: error }, status);
  // A server that passes on the error of another one has its words deeper.
  const inner = membersOf(error["error"]);
  return wireErrorOf({ ...error, ...inner }, status);
}

/** Returns the error of a response that is one by its status, whatever its body is. */
export function wireErrorFor(status: number, body: unknown): WireError {
  return wireErrorIn(body, status) ?? wireErrorOf(membersOf(body), status);
}

/** Returns the members of the error, or its text; null if there is none. */
function errorOf(read: Members): Members | string | null {
  for (const candidate of [read["error"], listOf(read["errors"])[0]]) {
    if (typeof candidate === "string" && candidate !== "") return candidate;
    if (candidate === true) return read;
    // Some servers send an empty error with each answer.
    if (hasWords(candidate)) return membersOf(candidate);
  }
  const isError = read["object"] === "error" || read["type"] === "error";
  if (isError) return read;
  // An answer has choices or data, and an error of a proxy or of FastAPI has only its words.
  if ("choices" in read || "data" in read || "usage" in read) return choiceErrorOf(read);
  if (typeof read["detail"] === "string") return read["detail"];
  return typeof read["message"] === "string" && !("id" in read) ? read : null;
}

/** Some providers report an error in the choice that they could not finish. */
function choiceErrorOf(read: Members): Members | null {
  const errors = listOf(read["choices"])
    .map((choice) => membersOf(choice)["error"])
    .filter(hasWords);
  return errors.length > 0 ? membersOf(errors[0]) : null;
}

function hasWords(value: unknown): boolean {
  const read = { ...membersOf(value), ...membersOf(membersOf(value)["error"]) };
  return ["message", "code", "type", "status"].some((name) => Boolean(read[name]));
}

function wireErrorOf(error: Members, httpStatus: number | null): WireError {
  const names = [error["code"], error["type"], error["status"]].map(nameOf);
  const inBody = [error["code"], error["status"], error["status_code"]].map(statusOf);
  const status = httpStatus ?? inBody.find((each) => each !== null) ?? null;
  const message = textOf(error["message"]) ?? textOf(error["detail"]);
  return {
    status,
    code: codeOf(names, status, message ?? ""),
    message,
    parameter: textOf(error["param"]),
  };
}

/** Names of errors that decide in spite of the status, because several statuses are used for them. */
const decidingNames: ReadonlyMap<string, RefusalCode> = new Map([
  ["insufficient_quota", "quota_exhausted"],
  ["billing_hard_limit_reached", "quota_exhausted"],
  ["billing_not_active", "quota_exhausted"],
  ["insufficient_credits", "quota_exhausted"],
  ["insufficient_balance", "quota_exhausted"],
  ["payment_required", "quota_exhausted"],
  ["billing_error", "quota_exhausted"],
  ["context_length_exceeded", "context_length_exceeded"],
  ["invalid_api_key", "unauthorized"],
  ["authentication_error", "unauthorized"],
  ["unauthenticated", "unauthorized"],
  ["model_not_found", "model_unknown"],
  ["rate_limit_exceeded", "rate_limited"],
  ["rate_limit_error", "rate_limited"],
  ["resource_exhausted", "rate_limited"],
  ["too_many_requests", "rate_limited"],
  ["overloaded_error", "server_error"],
]);

/** Names that decide only if there is no status, because OpenAI gives them to errors of several statuses. */
const namesWithoutStatus: ReadonlyMap<string, RefusalCode> = new Map([
  ["invalid_request_error", "request_refused"],
  ["badrequesterror", "request_refused"],
  ["invalid_argument", "request_refused"],
  ["invalid_value", "request_refused"],
  ["unsupported_parameter", "request_refused"],
  ["unsupported_value", "request_refused"],
  ["content_filter", "request_refused"],
  ["content_policy_violation", "request_refused"],
  ["not_found_error", "model_unknown"],
  ["not_found", "model_unknown"],
  ["permission_error", "unauthorized"],
  ["permission_denied", "unauthorized"],
]);

/** Statuses whose refusal does not follow from 4xx (the request is wrong) or others (the server failed). */
const refusalByStatus: ReadonlyMap<number, RefusalCode> = new Map([
  [401, "unauthorized"],
  [402, "quota_exhausted"],
  [403, "unauthorized"],
  [404, "model_unknown"],
  [408, "server_error"],
  [409, "server_error"],
  [425, "server_error"],
  [429, "rate_limited"],
]);

/** Words of servers that have no name for these errors. */
const decidingWords: readonly (readonly [RegExp, RefusalCode])[] = [
  [/maximum context length|context window|prompt is too long/i, "context_length_exceeded"],
  [/api[ _-]key (?:is )?(?:not valid|invalid|expired)/i, "unauthorized"],
];

function codeOf(
  names: readonly (string | null)[],
  status: number | null,
  message: string,
): RefusalCode {
  const known = names.flatMap((name) => decidingNames.get(name ?? "") ?? [])[0];
  if (known) return known;
  const byWords = decidingWords.find(([words]) => words.test(message))?.[1];
  if (byWords && (status === null || isClientError(status))) return byWords;
  if (status !== null)
    return (
      refusalByStatus.get(status) ?? (isClientError(status) ? "request_refused" : "server_error")
    );
  return names.flatMap((name) => namesWithoutStatus.get(name ?? "") ?? [])[0] ?? "server_error";
}

/** A redirection is none: it is the fault of a wrong address. */
function isClientError(status: number): boolean {
  return status >= 400 && status < 500;
}

/** Returns a status of an error, which some servers give as the code of the error, or as text. */
function statusOf(value: unknown): number | null {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 400 && number < 600
    ? number
    : null;
}

function nameOf(value: unknown): string | null {
  return typeof value === "string" ? value.toLowerCase() : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
