import type { Message } from "@sluice/contracts";
import { canonicalJson } from "@sluice/domain";
import { z } from "zod";
import { ApiError, badRequest } from "./api-error.ts";
import { isTooDeep, jsonDepthMax } from "./json-depth.ts";
import { parameters } from "./parameters.ts";

const part = z.looseObject({ type: z.string() });
const content = z.union([z.string(), z.array(part).min(1)]);

const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: content.nullish(),
  name: z.string().max(64).nullish(),
  tool_calls: z.array(z.json()).nullish(),
  tool_call_id: z.string().nullish(),
  refusal: z.string().nullish(),
});

const body = parameters.extend({
  model: z.string().min(1).max(128),
  messages: z.array(message).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().nullish() }).nullish(),
});

/** A chat completion as it is asked for, before anything is decided. */
export interface ChatBody {
  readonly model: string;
  readonly messages: readonly Message[];
  /** Canonical JSON of the sampling parameters that were set. */
  readonly parameters: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** @throws ApiError 400 naming the member that is wrong and what it may be. */
export function parseChatBody(value: unknown): ChatBody {
  if (isTooDeep(value)) throw tooDeep("The body", null);
  const result = body.safeParse(value);
  if (!result.success) throw errorOf(result.error.issues[0]!);
  const { model, messages, stream, stream_options, ...rest } = result.data;
  return {
    model,
    messages: messages.map(toMessage),
    parameters: setParametersOf(rest),
    stream: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
  };
}

/** @throws ApiError 400 when the text is no JSON object of known parameters with values in range. */
export function checkParameters(text: string): string {
  const given = parseJson(text);
  if (isTooDeep(given)) throw tooDeep("'parameters'", "parameters");
  const result = parameters.safeParse(given);
  if (!result.success) throw errorOf(result.error.issues[0]!, "parameters");
  return setParametersOf(result.data);
}

/** A parameter that is null is not set. */
function setParametersOf(given: object): string {
  const set = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  return canonicalJson(Object.fromEntries(set));
}

function toMessage(given: z.output<typeof message>): Message {
  const { role, content: said, name, tool_calls: toolCalls, tool_call_id: toolCallId } = given;
  return {
    role,
    content: textOf(said),
    parts:
      Array.isArray(said) && said.some(({ type }) => type !== "text") ? canonicalJson(said) : null,
    toolCalls: toolCalls?.length ? canonicalJson(toolCalls) : null,
    toolCallId: toolCallId ?? null,
    name: name ?? null,
  };
}

function textOf(said: z.output<typeof content> | null | undefined): string {
  if (typeof said === "string") return said;
  return (said ?? []).map((one) => (typeof one["text"] === "string" ? one["text"] : "")).join("");
}

function errorOf(issue: z.core.$ZodIssue, within?: string): ApiError {
  const path = [...(within ? [within] : []), ...issue.path.map(String)];
  if (issue.code === "unrecognized_keys") {
    const name = [...path, issue.keys[0]].join(".");
    return badRequest("unknown_parameter", `Unknown parameter: '${name}'. Remove it.`, name);
  }
  const param = path.join(".") || null;
  return badRequest(
    "invalid_value",
    `Invalid value for '${param ?? "body"}': ${issue.message}.`,
    param,
  );
}

function tooDeep(what: string, param: string | null): ApiError {
  const reason = `${what} is nested deeper than ${jsonDepthMax} levels; flatten it.`;
  return badRequest("invalid_value", reason, param);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("invalid_json", "'parameters' must be a JSON object.", "parameters");
  }
}
