/** Every reason for which ingress refuses a request that it could read; see docs/reference/errors.md. */
export type RefusalCode =
  | "body_too_large"
  | "deadline_exceeded"
  | "invalid_header"
  | "invalid_json"
  | "invalid_value"
  | "loop_detected"
  | "model_not_found"
  | "name_not_allowed"
  | "rate_limit_exceeded"
  | "shed"
  | "unknown_parameter"
  | "unsupported_parameter";

/** States what is wrong with a request. HTTP turns it into an error, Kafka into a declined outcome. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: RefusalCode;
  /** For the client: what is wrong, and how to correct it. */
  readonly reason: string;
  /** The path of the member, or the name of the header, that is wrong; null for the request as a whole. */
  readonly param: string | null;
  /** For a limit: after how long the request may be admitted, in milliseconds; null if waiting does not help. */
  readonly retryAfterMs?: number | null;
}

/** The result of reading something that a client sent. */
export type Parsed<T> = { readonly kind: "parsed"; readonly value: T } | Refusal;

export function parsed<T>(value: T): Parsed<T> {
  return { kind: "parsed", value };
}

export function refused(code: RefusalCode, reason: string, param: string | null): Refusal {
  return { kind: "refused", code, reason, param };
}

/** Returns the refusal of one member's value, or of the whole body if `param` is null. */
export function invalidValue(param: string | null, problem: string): Refusal {
  return refused("invalid_value", `Invalid value for '${param ?? "body"}': ${problem}.`, param);
}

/** Returns the refusal inside a result, and undefined if the value could be read. */
export function refusalIn(result: Parsed<unknown>): Refusal | undefined {
  return result.kind === "refused" ? result : undefined;
}
