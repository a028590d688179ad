import { z } from "zod";
import { isTooDeep, jsonDepthMax } from "./json-depth.ts";
import { invalidValue, parsed, type Parsed, type Refusal, refused } from "./refusal.ts";
import { isUnsupported } from "./unsupported.ts";

const removal = "Remove it.";

/**
 * Returns the value in the schema's shape, or a refusal that names the first wrong member below `within`.
 *
 * @param unknownRemedy what to do about an unknown member of the value itself
 */
export function checkSchema<T>(
  schema: z.ZodType<T>,
  value: unknown,
  within: readonly string[] = [],
  unknownRemedy = removal,
): Parsed<T> {
  const result = schema.safeParse(value);
  if (result.success) return parsed(result.data);
  const issue = result.error.issues[0]!;
  return refusalOf(issue, within, issue.path.length === 0 ? unknownRemedy : removal);
}

/**
 * Returns the JSON of the parameters that are set; null means not set. The members of a value keep
 * their order, because a model answers in the order of a schema's properties.
 */
export function setParametersOf(given: object): string {
  const set = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  return JSON.stringify(Object.fromEntries(set));
}

function refusalOf(
  issue: z.core.$ZodIssue,
  within: readonly string[],
  unknownRemedy = removal,
): Refusal {
  const path = [...within, ...issue.path.map(String)];
  const inner = innermost(issue);
  if (inner) return refusalOf(inner, path);
  if (issue.code === "unrecognized_keys") {
    const name = [...path, issue.keys[0]].join(".");
    return refused("unknown_parameter", `Unknown parameter: '${name}'. ${unknownRemedy}`, name);
  }
  const param = path.join(".") || null;
  if (isUnsupported(issue)) {
    const reason = `Unsupported parameter: '${param}': ${issue.message}. ${removal}`;
    return refused("unsupported_parameter", reason, param);
  }
  return invalidValue(param, issue.message);
}

/** Returns the issue inside the alternative of a union that the value was meant to be. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue | undefined {
  if (issue.code !== "invalid_union") return undefined;
  return issue.errors
    .flat()
    .find(({ path, code }) => path.length > 0 || code === "unrecognized_keys");
}

/** Returns a refusal for a body whose nesting would overflow the stack of a recursive function. */
export function depthRefusalOf(body: unknown): Refusal | undefined {
  return isTooDeep(body) ? tooDeep("The body", null) : undefined;
}

/** Parses JSON that is the value of a record's field. */
export function parseJson(
  text: string,
  param: string,
  expected: "object" | "array",
): Parsed<unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isTooDeep(value) ? tooDeep(`'${param}'`, param) : parsed(value);
  } catch {
    return refused("invalid_json", `'${param}' must be a JSON ${expected}.`, param);
  }
}

function tooDeep(subject: string, param: string | null): Refusal {
  const reason = `${subject} is nested deeper than ${jsonDepthMax} levels; flatten it.`;
  return refused("invalid_value", reason, param);
}
