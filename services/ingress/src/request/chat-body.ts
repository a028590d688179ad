import { type InferenceRequested, type Message, textOfParts } from "@sluice/contracts";
import type { AdditionalMembers } from "@sluice/declarations";
import { z } from "zod";
import {
  isObject,
  membersWithout,
  splitAdditional,
  unknownRemedy,
  withoutAnswerMembers,
} from "./additional-members.ts";
import {
  chatMessage,
  messageOf,
  parts,
  reasoningMembers,
  recordTexts,
  toolCalls,
} from "./chat-message.ts";
import { contradictionIn, type Parameters, parameters } from "./parameters.ts";
import { invalidValue, parsed, type Parsed, type Refusal, refusalIn } from "./refusal.ts";
import type { RequestBody } from "./request-body.ts";
import { modelLengthMax } from "./record-limits.ts";
import { checkSchema, depthRefusalOf, parseJson, setParametersOf } from "./schema-check.ts";

const streamOptions = z.strictObject({
  include_usage: z.boolean().nullish(),
  // Ingress never pads chunks, so only a client that wants no padding gets what it asked for.
  include_obfuscation: z.literal(false).nullish(),
});

/** The most messages of a chat. */
export const messagesMax = 10_000;

const body = parameters.extend({
  model: z.string().min(1).max(modelLengthMax),
  messages: z.array(chatMessage).min(1).max(messagesMax),
  stream: z.boolean().nullish(),
  stream_options: streamOptions.nullish(),
});

/** The body of `POST /v1/chat/completions`. */
export interface ChatBody extends RequestBody {
  /** Whether a stream ends with a chunk that carries the usage. */
  readonly includeUsage: boolean;
}

/** Reads a chat body. A refusal names the wrong member and the values that it may have. */
export function parseChatBody(value: unknown, allowed: AdditionalMembers): Parsed<ChatBody> {
  const tooDeep = depthRefusalOf(value);
  if (tooDeep) return tooDeep;
  const split = splitAdditional(value, allowed);
  if (split.kind === "refused") return split;
  const { others, additional } = split.value;
  const checked = checkSchema(body, withoutAnswerMembers(others, allowed), [], unknownRemedy);
  if (checked.kind === "refused") return checked;
  const { model, messages, stream, stream_options: options, ...rest } = checked.value;
  const contradiction = contradictionRefusalOf(rest);
  if (contradiction) return contradiction;
  if (options && stream !== true)
    return invalidValue("stream_options", "it is only allowed if 'stream' is true");
  return parsed({
    operation: "chat",
    model,
    messages: messages.map(messageOf),
    inputs: [],
    tokenInputs: [],
    parameters: setParametersOf({ ...rest, ...additional }),
    stream: stream ?? false,
    includeUsage: options?.include_usage ?? false,
  });
}

/** Reads the parameters of a chat's record: JSON of an object with known parameters in their ranges. */
export function parseParameters(text: string, allowed: AdditionalMembers): Parsed<string> {
  const json = parseJson(text, "parameters", "object");
  if (json.kind === "refused") return json;
  const split = splitAdditional(json.value, allowed, ["parameters"]);
  if (split.kind === "refused") return split;
  const { others, additional } = split.value;
  const given = checkSchema(parameters, others, ["parameters"], unknownRemedy);
  if (given.kind === "refused") return given;
  const contradiction = contradictionRefusalOf(given.value, "parameters.");
  return contradiction ?? parsed(setParametersOf({ ...given.value, ...additional }));
}

/** Returns why the parameters or messages of a chat's record are refused; undefined if they are valid. */
export function chatRefusalOf(
  { parameters: text, messages }: Pick<InferenceRequested, "parameters" | "messages">,
  allowed: AdditionalMembers,
): Refusal | undefined {
  const wrong = refusalIn(parseParameters(text, allowed));
  if (wrong) return wrong;
  for (const [index, message] of messages.entries()) {
    const refusal = messageRefusalOf(message, index, allowed);
    if (refusal) return refusal;
  }
  return undefined;
}

/** Checks content parts and tool calls here, because later stages parse them without a check. */
function messageRefusalOf(
  message: Message,
  index: number,
  allowed: AdditionalMembers,
): Refusal | undefined {
  const path = `messages[${index}]`;
  return (
    refusalIn(checkSchema(recordTexts, message, [path])) ??
    partsRefusalOf(message, path) ??
    refusalIn(parsedJson(toolCalls, message.toolCalls, [path, "toolCalls"])) ??
    membersRefusalOf(message, path, allowed) ??
    roleRefusalOf(message, path)
  );
}

function membersRefusalOf(
  { members }: Message,
  path: string,
  { answerMembers }: AdditionalMembers,
): Refusal | undefined {
  if (members === null) return undefined;
  const within = [path, "members"];
  const json = parseJson(members, within.join("."), "object");
  if (json.kind === "refused") return json;
  const others = isObject(json.value) ? membersWithout(json.value, answerMembers) : json.value;
  return refusalIn(checkSchema(reasoningMembers, others, within));
}

/** Only an assistant has reasoned, and a provider may refuse a message of another role that has its members. */
function roleRefusalOf({ role, members }: Message, path: string): Refusal | undefined {
  if (members === null || role === "assistant") return undefined;
  return invalidValue(`${path}.members`, "only a message of the role 'assistant' may have it");
}

/** The provider receives the parts. A content that differs from them would be classified and cached in their place. */
function partsRefusalOf({ parts: text, content }: Message, path: string): Refusal | undefined {
  const given = parsedJson(parts, text, [path, "parts"]);
  if (given.kind === "refused") return given;
  if (given.value === null || textOfParts(given.value) === content) return undefined;
  const problem = "it must be the text of 'parts', joined without a separator";
  return invalidValue(`${path}.content`, problem);
}

function parsedJson<T>(
  schema: z.ZodType<T>,
  text: string | null,
  path: readonly string[],
): Parsed<T | null> {
  if (text === null) return parsed(null);
  const json = parseJson(text, path.join("."), "array");
  return json.kind === "refused" ? json : checkSchema(schema, json.value, path);
}

function contradictionRefusalOf(given: Parameters, prefix = ""): Refusal | undefined {
  const contradiction = contradictionIn(given);
  return contradiction && invalidValue(`${prefix}${contradiction.name}`, contradiction.problem);
}
