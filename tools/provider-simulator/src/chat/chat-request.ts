import { badRequest } from "../api-error.ts";
import { isObject, isWholeNumber, type JsonObject } from "../json.ts";
import { type AskedEnding, endingIn } from "../faults/prompt-markers.ts";
import { LABEL } from "../tokens.ts";

export interface ChatMessage {
  readonly role: string;
  /** All text of the message; texts of several parts are joined by a line break. */
  readonly text: string;
  /** Parts that are not text (images, audio, files), as they came. */
  readonly media: readonly JsonObject[];
  /** Names, tool calls and what else belongs to the prompt. */
  readonly rest: JsonObject;
}

/** A function the answer has to call. */
export interface WantedTool {
  readonly name: string;
  readonly parameters: JsonObject;
}

export type AnswerForm =
  | { readonly kind: "text" }
  | { readonly kind: "json"; readonly schema: JsonObject }
  | { readonly kind: "tool"; readonly tool: WantedTool };

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly form: AnswerForm;
  /** Completion tokens of one choice at most, hidden reasoning included. */
  readonly completionTokensMax: number;
  readonly choices: number;
  readonly stops: readonly string[];
  /** How many likely tokens are told beside each; null for no log probabilities. */
  readonly topLogprobs: number | null;
  readonly ending: AskedEnding | null;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Tool definitions and an answer's schema: they are part of the prompt and are counted. */
  readonly definitions: readonly unknown[];
}

const TOKENS_MAX = 1_000_000;

/** @throws ApiError 400 that names the first parameter OpenAI would refuse */
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

  const texts = content.flatMap(({ type, text }) =>
    type === "text" && typeof text === "string" ? [text] : [],
  );
  return { role, text: texts.join("\n"), media: content.filter((p) => p["type"] !== "text"), rest };
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
  // A stop inside the label would leave an answer that does not say it is simulated.
  return stops.filter((text): text is string => typeof text === "string" && text !== LABEL);
}

function parseTopLogprobs({ logprobs, top_logprobs: top }: JsonObject): number | null {
  const isSet = top !== undefined && top !== null;
  if (isSet && (logprobs !== true || !isWholeNumber(top, 0, 20)))
    throw badRequest("'top_logprobs' must be 0 to 20, with 'logprobs'.", "top_logprobs");
  if (logprobs !== true) return null;
  return isSet ? top : 0;
}

function parseForm(body: JsonObject): AnswerForm {
  const tool = wantedToolOf(body);
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

/** The tool that must be called; with `auto` the simulator answers in text. */
function wantedToolOf({ tools, tool_choice: choice }: JsonObject): WantedTool | undefined {
  const wanted = isObject(choice) && isObject(choice["function"]) ? choice["function"] : undefined;
  if (choice !== "required" && !wanted) return undefined;

  const functions = (Array.isArray(tools) ? tools : []).flatMap((tool: unknown) =>
    isObject(tool) && isObject(tool["function"]) ? [tool["function"]] : [],
  );
  const found = wanted ? functions.find(({ name }) => name === wanted["name"]) : functions[0];
  if (!found || typeof found["name"] !== "string")
    throw badRequest("'tool_choice' names no function of 'tools'.", "tool_choice");
  const parameters = isObject(found["parameters"]) ? found["parameters"] : {};
  return { name: found["name"], parameters };
}
