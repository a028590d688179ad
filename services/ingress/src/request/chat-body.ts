import type { Message } from "@sluice/contracts";
import { z } from "zod";
import type { AskedBody } from "./request-body.ts";
import { chatMessage, messageOf, parts, toolCalls } from "./chat-message.ts";
import { checked, invalid, parsed, refuseDepth, setParametersOf } from "./schema-check.ts";
import { contradictionIn, type Parameters, parameters } from "./parameters.ts";

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
export interface ChatBody extends AskedBody {
  readonly includeUsage: boolean;
}

/** @throws ApiError 400 naming the member that is wrong and what it may be. */
export function parseChatBody(value: unknown): ChatBody {
  refuseDepth(value);
  const { model, messages, stream, stream_options: options, ...rest } = checked(body, value);
  refuseContradictions(rest);
  if (options && stream !== true)
    throw invalid("stream_options", "it is only allowed where 'stream' is true");
  return {
    operation: "chat",
    model,
    messages: messages.map(messageOf),
    inputs: [],
    tokenInputs: [],
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

function refuseContradictions(given: Parameters, prefix = ""): void {
  const [name, reason] = contradictionIn(given) ?? [];
  if (name !== undefined && reason !== undefined) throw invalid(`${prefix}${name}`, reason);
}
