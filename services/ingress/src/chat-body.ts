import type { Message } from "@sluice/contracts";
import { z } from "zod";
import { type ApiError, badRequest } from "./api-error.ts";
import { chatMessage, messageOf, parts, toolCalls } from "./chat-message.ts";
import { isTooDeep, jsonDepthMax } from "./json-depth.ts";
import { contradictionIn, type Parameters, parameters } from "./parameters.ts";
import { isUnsupported } from "./unsupported.ts";

const streamOptions = z.strictObject({
  include_usage: z.boolean().nullish(),
  // No chunk is padded here, so that "no padding" is what a caller gets.
  include_obfuscation: z.literal(false).nullish(),
});

const body = parameters.extend({
  model: z.string().min(1).max(128),
  messages: z.array(chatMessage).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: streamOptions.nullish(),
});

/** A chat completion as it is asked for, before anything is decided. */
export interface ChatBody {
  readonly model: string;
  readonly messages: readonly Message[];
  /** JSON of the parameters that were set, their names in one order, their values as they came. */
  readonly parameters: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** @throws ApiError 400 naming the member that is wrong and what it may be. */
export function parseChatBody(value: unknown): ChatBody {
  if (isTooDeep(value)) throw tooDeep("The body", null);
  const { model, messages, stream, stream_options: options, ...rest } = checked(body, value);
  refuseContradictions(rest);
  if (options && stream !== true)
    throw invalid("stream_options", "it is only allowed where 'stream' is true");
  return {
    model,
    messages: messages.map(messageOf),
    parameters: setParametersOf(rest),
    stream: stream ?? false,
    includeUsage: options?.include_usage ?? false,
  };
}

/**
 * The parameters of a record.
 *
 * @throws ApiError 400 when the text is no JSON object of known parameters with values in range.
 */
export function checkParameters(text: string): string {
  const given = checked(parameters, parsed(text, "parameters", "object"), ["parameters"]);
  refuseContradictions(given, "parameters.");
  return setParametersOf(given);
}

/**
 * Content parts and tool calls of a record, which stages and adapter parse without asking again.
 *
 * @throws ApiError 400
 */
export function checkMessage(message: Message, index: number): void {
  const path = [`messages[${index}]`];
  if (message.parts !== null) checkJson(parts, message.parts, [...path, "parts"]);
  if (message.toolCalls !== null) checkJson(toolCalls, message.toolCalls, [...path, "toolCalls"]);
}

function checkJson(schema: z.ZodType, text: string, path: readonly string[]): void {
  checked(schema, parsed(text, path.join("."), "array"), path);
}

function checked<T>(schema: z.ZodType<T>, value: unknown, within: readonly string[] = []): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw errorOf(result.error.issues[0]!, within);
}

function refuseContradictions(given: Parameters, prefix = ""): void {
  const [name, reason] = contradictionIn(given) ?? [];
  if (name !== undefined && reason !== undefined) throw invalid(`${prefix}${name}`, reason);
}

/**
 * A parameter that is null is not set. Values keep the order of their members:
 * a model answers in the order of the schema's properties.
 */
function setParametersOf(given: object): string {
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

function invalid(param: string | null, reason: string): ApiError {
  const name = param ?? "body";
  return badRequest("invalid_value", `Invalid value for '${name}': ${reason}.`, param);
}

function tooDeep(what: string, param: string | null): ApiError {
  const reason = `${what} is nested deeper than ${jsonDepthMax} levels; flatten it.`;
  return badRequest("invalid_value", reason, param);
}

function parsed(text: string, param: string, expected: "object" | "array"): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (!isTooDeep(value)) return value;
  } catch {
    throw badRequest("invalid_json", `'${param}' must be a JSON ${expected}.`, param);
  }
  throw tooDeep(`'${param}'`, param);
}
