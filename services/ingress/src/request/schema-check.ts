import { z } from "zod";
import { type ApiError, badRequest } from "../http/api-error.ts";
import { isTooDeep, jsonDepthMax } from "./json-depth.ts";
import { isUnsupported } from "./unsupported.ts";

/** @throws ApiError 400 naming the member that is wrong and what it may be. */
export function checked<T>(
  schema: z.ZodType<T>,
  value: unknown,
  within: readonly string[] = [],
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw errorOf(result.error.issues[0]!, within);
}

/**
 * A parameter that is null is not set. Values keep the order of their members:
 * a model answers in the order of the schema's properties.
 */
export function setParametersOf(given: object): string {
  const set = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  return JSON.stringify(Object.fromEntries(set));
}

function errorOf(issue: z.core.$ZodIssue, within: readonly string[]): ApiError {
  const path = [...within, ...issue.path.map(String)];
  const inner = innermost(issue);
  if (inner) return errorOf(inner, path);
  if (issue.code === "unrecognized_keys") {
    const name = [...path, issue.keys[0]].join(".");
    return badRequest("unknown_parameter", `Unknown parameter: '${name}'. Remove it.`, name);
  }
  const param = path.join(".") || null;
  if (isUnsupported(issue)) {
    const reason = `Unsupported parameter: '${param}': ${issue.message}. Remove it.`;
    return badRequest("unsupported_parameter", reason, param);
  }
  return invalid(param, issue.message);
}

/** Where a value may be one thing or another, what is wrong inside the one that it is. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue | undefined {
  if (issue.code !== "invalid_union") return undefined;
  return issue.errors
    .flat()
    .find(({ path, code }) => path.length > 0 || code === "unrecognized_keys");
}

export function invalid(param: string | null, reason: string): ApiError {
  const name = param ?? "body";
  return badRequest("invalid_value", `Invalid value for '${name}': ${reason}.`, param);
}

/** @throws ApiError 400 for what would overflow the stack of whoever walks it. */
export function refuseDepth(value: unknown): void {
  if (isTooDeep(value)) throw tooDeep("The body", null);
}

/** JSON within a record. @throws ApiError 400 */
export function parsed(text: string, param: string, expected: "object" | "array"): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (!isTooDeep(value)) return value;
  } catch {
    throw badRequest("invalid_json", `'${param}' must be a JSON ${expected}.`, param);
  }
  throw tooDeep(`'${param}'`, param);
}

function tooDeep(what: string, param: string | null): ApiError {
  const reason = `${what} is nested deeper than ${jsonDepthMax} levels; flatten it.`;
  return badRequest("invalid_value", reason, param);
}
