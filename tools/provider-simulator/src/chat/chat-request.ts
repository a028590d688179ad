import type { AnswerForm, RequiredTool } from "../answers/answer-request.ts";
import { badRequest } from "../api-error.ts";
import { isObject, isWholeNumber, type JsonObject } from "../json.ts";
import { type RequestedEnding, endingIn } from "../faults/prompt-markers.ts";
import { LABEL } from "../tokens.ts";

export interface ChatMessage {
  readonly role: string;
  /** All text of the message, refusals included. Texts of several parts are joined by a line break. */
  readonly text: string;
  /** The other parts (images, audio, files), unchanged. */
  readonly media: readonly JsonObject[];
  /** The other members that belong to the prompt, such as names and tool calls. */
  readonly rest: JsonObject;
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly form: AnswerForm;
  /** The maximum of completion tokens of one choice, including hidden reasoning. */
  readonly completionTokensMax: number;
  readonly choices: number;
  readonly stops: readonly string[];
  /** The number of alternative tokens for each token; null for no log probabilities. */
  readonly topLogprobs: number | null;
  readonly ending: RequestedEnding | null;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Tool definitions and the answer's schema, on which the answer depends. */
  readonly definitions: readonly unknown[];
  /** The parameters that providers write into the prompt, so their tokens are counted. */
  readonly promptParameters: JsonObject;
}

const TOKENS_MAX = 1_000_000;
const PROMPT_PARAMETERS = [
  "tools",
  "tool_choice",
  "response_format",
  "reasoning_effort",
  "verbosity",
];

/**
 * Parses the body of `POST /v1/chat/completions`.
 *
 * @throws ApiError 400 that names the first parameter that OpenAI would refuse
 */
export function parseChatRequest(body: unknown): ChatRequest {
  if (!isObject(body)) throw badRequest("The body must be a JSON object.");
  const { model, messages, n, stream, stream_options: streamOptions } = body;
  if (typeof model !== "string" || model === "")
    throw badRequest("you must provide a model parameter", "model");
  if (!Array.isArray(messages) || messages.length === 0)
    throw badRequest("'messages' must be a list of at least one message.", "messages");
  if (n !== undefined && n !== null && !isWholeNumber(n, 1, 128))
    throw badRequest("'n' must be a whole number from 1 to 128.", "n");
  if (streamOptions !== undefined && streamOptions !== null && stream !== true)
    throw badRequest("'stream_options' is only allowed when 'stream' is true.", "stream_options");

  const parsed = messages.map(parseMessage);
  return {
    model,
    messages: parsed,
    form: parseForm(body),
    completionTokensMax: parseLimit(body),
    choices: typeof n === "number" ? n : 1,
    stops: parseStops(body["stop"]),
    topLogprobs: parseTopLogprobs(body),
    ending: endingIn(parsed.map(({ text }) => text).join("\n")),
    stream: stream === true,
    includeUsage: isObject(streamOptions) && streamOptions["include_usage"] === true,
    definitions: [body["tools"], body["response_format"]].filter((part) => part != null),
    promptParameters: promptParametersOf(body),
  };
}

function parseMessage(message: unknown, index: number): ChatMessage {
  const path = `messages[${index}]`;
  if (!isObject(message)) throw badRequest(`'${path}' must be an object.`, path);
  const { role, content, ...rest } = message;
  if (typeof role !== "string") throw badRequest(`'${path}.role' must be a string.`, path);
  if (content === null || content === undefined) return { role, text: "", media: [], rest };
  if (typeof content === "string") return { role, text: content, media: [], rest };
  if (!Array.isArray(content) || !content.every(isObject))
    throw badRequest(`'${path}.content' must be a string or a list of parts.`, path);

  const texts = content.map(partTextOf);
  return {
    role,
    text: texts.filter((text) => text !== undefined).join("\n"),
    media: content.filter((_, at) => texts[at] === undefined),
    rest,
  };
}

/** Returns the text of a part, or undefined for an image or another medium. */
function partTextOf({ type, text, refusal }: JsonObject): string | undefined {
  const read = type === "refusal" ? refusal : text;
  if (type !== "text" && type !== "refusal") return undefined;
  return typeof read === "string" ? read : "";
}

function promptParametersOf(body: JsonObject): JsonObject {
  const given = PROMPT_PARAMETERS.filter((name) => body[name] != null);
  return Object.fromEntries(given.map((name) => [name, body[name]]));
}

function parseLimit(body: JsonObject): number {
  for (const name of ["max_completion_tokens", "max_tokens"]) {
    const limit = body[name];
    if (limit === undefined || limit === null) continue;
    if (isWholeNumber(limit, 1, TOKENS_MAX)) return limit;
    throw badRequest(`'${name}' must be a whole number from 1 to ${TOKENS_MAX}.`, name);
  }
  return TOKENS_MAX;
}

function parseStops(stop: unknown): readonly string[] {
  if (stop === undefined || stop === null) return [];
  const stops: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  if (stops.length > 4 || !stops.every((text) => typeof text === "string" && text !== ""))
    throw badRequest("'stop' must be a string or a list of at most four strings.", "stop");
  // If the label itself were a stop text, the answer would not contain it.
  return stops.filter((text): text is string => typeof text === "string" && text !== LABEL);
}

function parseTopLogprobs({ logprobs, top_logprobs: top }: JsonObject): number | null {
  const isSet = top !== undefined && top !== null;
  if (isSet && (logprobs !== true || !isWholeNumber(top, 0, 20)))
    throw badRequest(
      "'top_logprobs' must be a whole number from 0 to 20, and requires 'logprobs'.",
      "top_logprobs",
    );
  if (logprobs !== true) return null;
  return isSet ? top : 0;
}

function parseForm(body: JsonObject): AnswerForm {
  const tool = requiredToolOf(body);
  if (tool) return { kind: "tool", tool };

  const format = body["response_format"];
  if (format === undefined || format === null) return { kind: "text" };
  if (!isObject(format))
    throw badRequest("'response_format' must be an object.", "response_format");
  if (format["type"] === "json_object") return { kind: "json", schema: {} };
  if (format["type"] !== "json_schema") return { kind: "text" };
  const described = format["json_schema"];
  const schema = isObject(described) ? described["schema"] : undefined;
  return { kind: "json", schema: isObject(schema) ? schema : {} };
}

/** Returns the tool that the answer must call, if any. With `auto` the simulator answers in text. */
function requiredToolOf({ tools, tool_choice: choice }: JsonObject): RequiredTool | undefined {
  const wanted = isObject(choice) && isObject(choice["function"]) ? choice["function"] : undefined;
  if (choice !== "required" && !wanted) return undefined;

  const functions = (Array.isArray(tools) ? tools : []).flatMap((tool: unknown) =>
    isObject(tool) && isObject(tool["function"]) ? [tool["function"]] : [],
  );
  const found = wanted ? functions.find(({ name }) => name === wanted["name"]) : functions[0];
  if (!found || typeof found["name"] !== "string")
    throw badRequest("'tool_choice' must name a function of 'tools'.", "tool_choice");
  const parameters = isObject(found["parameters"]) ? found["parameters"] : {};
  return { name: found["name"], parameters };
}
