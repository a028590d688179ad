import type { EpochMillis } from "@sluice/domain";

/**
 * A whole completion, or one chunk of a stream, as far as it is read. A member is null if the
 * provider left it out or gave it a type that it cannot have.
 */
export interface WireCompletion {
  readonly model: string | null;
  readonly systemFingerprint: string | null;
  readonly createdAt: EpochMillis | null;
  readonly usage: object | null;
  readonly choices: readonly WireChoice[];
}

/** A choice of a chunk, or of a whole completion, which is read as one chunk. */
export interface WireChoice {
  readonly index: number;
  readonly content: string | null;
  readonly refusal: string | null;
  readonly toolCalls: readonly WireToolCall[];
  readonly logprobs: {
    readonly content: readonly unknown[] | null;
    readonly refusal: readonly unknown[] | null;
  };
  readonly finishReason: string | null;
  /** The members with the model's reasoning, under the provider's names. */
  readonly members: Members;
  /** The choice for the reader of a stream, with the members that we do not know. */
  readonly forwarded: ForwardedChoice;
}

/** A choice as a client of OpenAI's API reads it. */
export interface ForwardedChoice extends Members {
  readonly delta: { readonly tool_calls?: readonly object[] };
}

export interface WireToolCall {
  readonly index: number;
  readonly id: string | null;
  readonly type: string | null;
  readonly name: string;
  readonly arguments: string;
  /** Other members: for example the signature of the reasoning that led to the call. */
  readonly members: Members;
}

export type Members = Readonly<Record<string, unknown>>;

/** The most answers that OpenAI makes for one request. A choice with a higher index is ignored. */
const choicesMax = 128;
/** The most characters of a model, a fingerprint and a finish reason, which nothing else bounds. */
const labelLengthMax = 256;
/** The last time that a JavaScript date can hold, in milliseconds. */
const timeMax = 8_640_000_000_000_000;

/**
 * Reads a completion, or a chunk. A provider may send any JSON, and a value of another type would
 * otherwise fail when the paid answer is encoded. Such a value is converted if its meaning is clear,
 * and ignored if not.
 */
export function readCompletion(wire: unknown): WireCompletion {
  const read = membersOf(wire);
  const { model, system_fingerprint: fingerprint, created, choices } = read;
  return {
    model: labelOf(model),
    systemFingerprint: labelOf(fingerprint),
    createdAt: timeOf(created),
    usage: usageIn(read),
    choices: listOf(choices)
      .filter(hasMembers)
      .map(readChoice)
      .filter(({ index }) => index < choicesMax),
  };
}

/** Returns the usage. Groq reports that of a stream in `x_groq`, and Moonshot in the last choice. */
function usageIn(read: Members): object | null {
  const inChoices = listOf(read["choices"]).map((choice) => membersOf(choice)["usage"]);
  const places = [read["usage"], membersOf(read["x_groq"])["usage"], ...inChoices];
  return places.find(hasMembers) ?? null;
}

/**
 * Whether a chunk holds more than the role of the speaker. The stream has then begun for its
 * reader.
 */
export function hasSubstance(choices: readonly WireChoice[]): boolean {
  return choices.some(
    ({ content, refusal, toolCalls, finishReason, members }) =>
      Boolean(content) ||
      Boolean(refusal) ||
      toolCalls.length > 0 ||
      finishReason !== null ||
      hasReasoning(members),
  );
}

const reasoningNames = ["reasoning_content", "reasoning", "reasoning_details"];

/** Whether a reader could see anything of the reasoning. Other members, such as an empty list, say nothing. */
export function hasReasoning(members: Members): boolean {
  return reasoningNames.some((name) => {
    const value = members[name];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  });
}

function readChoice(choice: Members, position: number): WireChoice {
  const said = membersOf(choice["delta"] ?? choice["message"]);
  const content = textOf(said["content"]);
  const members = membersIn(said);
  const refusal = textOf(said["refusal"]);
  const calls = listOf(said["tool_calls"]).map(membersOf);
  const toolCalls = calls.map(readToolCall);
  const index = indexOf(choice["index"], position);
  // Some servers send an empty reason until the end.
  const finishReason = labelOf(choice["finish_reason"]) || null;
  const logprobs = membersOf(choice["logprobs"]);
  const delta = {
    ...said,
    ...members,
    ...("content" in said && { content }),
    ...("refusal" in said && { refusal }),
    ...(calls.length > 0 && { tool_calls: calls.map(forwardedCall) }),
  };
  return {
    index,
    content,
    refusal,
    toolCalls,
    logprobs: {
      content: listOrNull(logprobs["content"]),
      refusal: listOrNull(logprobs["refusal"]),
    },
    finishReason,
    members,
    // Clients with strict types require a finish reason in every chunk, and some providers omit it.
    forwarded: { ...choice, index, delta, finish_reason: finishReason },
  };
}

function readToolCall(call: Members, position: number): WireToolCall {
  const called = membersOf(call["function"]);
  return {
    index: indexOf(call["index"], position),
    id: nameOf(call["id"]),
    type: nameOf(call["type"]),
    name: textOf(called["name"]) ?? "",
    arguments: argumentsOf(called["arguments"]) ?? "",
    members: without(call, ["index", "id", "type", "function"]),
  };
}

/**
 * Returns the reasoning of a message, which a client may send back. Ingress refuses other members in a history, so that an
 * answer must not have them. The thoughts of Mistral are parts of its content.
 */
function membersIn(said: Members): Members {
  const kept = Object.entries(said).filter(
    ([name, value]) => reasoningNames.includes(name) && value !== null && value !== undefined,
  );
  const members = Object.fromEntries(kept.filter(([name, value]) => isReasoning(name, value)));
  const thoughts = listOf(said["content"]).flatMap((part) => {
    const { type, thinking } = membersOf(part);
    return type === "thinking" ? [textOf(thinking) ?? ""] : [];
  });
  return thoughts.length > 0 ? { reasoning_content: thoughts.join(""), ...members } : members;
}

/** Ingress takes a list of details and texts otherwise, so an answer must not have others. */
function isReasoning(name: string, value: unknown): boolean {
  return name === "reasoning_details" ? Array.isArray(value) : typeof value === "string";
}

/** Returns the members that have a value, except those with these names. */
function without(members: Members, names: readonly string[]): Members {
  const others = Object.entries(members).filter(
    ([name, value]) => !names.includes(name) && value !== null && value !== undefined,
  );
  return Object.fromEntries(others);
}

/** Returns a tool call for the reader of a stream. Members that the provider left out stay out. */
function forwardedCall(call: Members, position: number): object {
  const { index, id, type, name, arguments: args } = readToolCall(call, position);
  const called = membersOf(call["function"]);
  const { id: _id, type: _type, ...others } = call;
  return {
    ...others,
    index,
    // An empty one would replace the one that a reader already has.
    ...(id && { id }),
    ...(type && { type }),
    ...("function" in call && {
      function: {
        ...called,
        ...("name" in called && { name }),
        ...("arguments" in called && { arguments: args }),
      },
    }),
  };
}

function hasMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}

function membersOf(value: unknown): Members {
  return hasMembers(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return listOrNull(value) ?? [];
}

function listOrNull(value: unknown): readonly unknown[] | null {
  return Array.isArray(value) ? value : null;
}

/** Returns a text. Some providers send it as a list of parts, of which the texts are joined. */
function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return null;
  return value.map((part) => textOf(membersOf(part)["text"]) ?? "").join("");
}

/** Returns the arguments of a tool as JSON text. Some providers send them as an object. */
function argumentsOf(value: unknown): string | null {
  return hasMembers(value) ? JSON.stringify(value) : textOf(value);
}

function nameOf(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? value : null;
}

function labelOf(value: unknown): string | null {
  return nameOf(value)?.slice(0, labelLengthMax) ?? null;
}

/** Returns an index. If it is missing, the position in the list is the index. */
function indexOf(value: unknown, position: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : position;
}

/** Returns a time that is given in epoch seconds, of which some providers send fractions. */
function timeOf(seconds: unknown): EpochMillis | null {
  if (typeof seconds !== "number") return null;
  const time = Math.round(seconds * 1_000);
  return time >= 0 && time <= timeMax ? time : null;
}
