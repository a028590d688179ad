import type { EpochMillis } from "@sluice/domain";
import {
  type AnswerOrigin,
  type AnswerToolCall,
  type ChoicePart,
  type Members,
  type OtherMembers,
  reasoningNames,
} from "../../answer/answer-part.ts";

/**
 * A whole completion, or one chunk of a stream, as far as it is read. A member is null if the
 * provider left it out or gave it a type that it cannot have.
 */
export interface WireCompletion {
  readonly origin: AnswerOrigin;
  readonly usage: object | null;
  readonly parts: readonly ChoicePart[];
}

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
 *
 * @param answerMembers the additional members of a message that are kept
 */
export function readCompletion(
  wire: unknown,
  answerMembers: readonly string[] = [],
): WireCompletion {
  const read = membersOf(wire);
  const { model, system_fingerprint: fingerprint, created, choices } = read;
  return {
    origin: {
      kind: "origin",
      model: labelOf(model),
      systemFingerprint: labelOf(fingerprint),
      createdAt: timeOf(created),
    },
    usage: usageIn(read),
    parts: listOf(choices)
      .filter(hasMembers)
      .map((choice, position) => ({ choice, index: indexOf(choice["index"], position) }))
      .filter(({ index }) => index < choicesMax)
      .flatMap(({ choice, index }) => partsOf(choice, index, answerMembers)),
  };
}

/** Returns the usage. Groq reports that of a stream in `x_groq`, and Moonshot in the last choice. */
function usageIn(read: Members): object | null {
  const inChoices = listOf(read["choices"]).map((choice) => membersOf(choice)["usage"]);
  const places = [read["usage"], membersOf(read["x_groq"])["usage"], ...inChoices];
  return places.find(hasMembers) ?? null;
}

function partsOf(
  wire: Members,
  choice: number,
  answerMembers: readonly string[],
): readonly ChoicePart[] {
  const said = membersOf(wire["delta"] ?? wire["message"]);
  const declared = declaredIn(said, answerMembers);
  const reasoning = reasoningIn(said);
  const logprobs = wire["logprobs"];
  // Some servers send an empty reason until the end.
  const reason = labelOf(wire["finish_reason"]) || null;
  const others = othersIn(wire, said, declared, choice);
  const known: readonly ChoicePart[] = [
    ...(Object.keys(declared).length > 0
      ? [{ kind: "declared", choice, members: declared } as const]
      : []),
    ...(Object.keys(reasoning).length > 0
      ? [{ kind: "reasoning", choice, members: reasoning } as const]
      : []),
    ...("content" in said
      ? [{ kind: "text", choice, text: textOf(said["content"]) } as const]
      : []),
    ...("refusal" in said
      ? [{ kind: "refusal", choice, text: textOf(said["refusal"]) } as const]
      : []),
    ...listOf(said["tool_calls"])
      .map(membersOf)
      .map((call, position) => toolCallOf(call, position, choice)),
    ...(hasMembers(logprobs) ? [logprobsOf(logprobs, choice)] : []),
    ...(reason !== null ? [{ kind: "end", choice, reason } as const] : []),
  ];
  // A choice has begun with its first chunk, also if that is empty.
  return known.length > 0 && isEmpty(others) ? known : [others, ...known];
}

function isEmpty({ ofMessage, ofChoice }: OtherMembers): boolean {
  return Object.keys(ofMessage).length === 0 && Object.keys(ofChoice).length === 0;
}

const messageNames = ["content", "refusal", "tool_calls", ...reasoningNames];
const choiceNames = ["index", "delta", "message", "logprobs", "finish_reason"];

function declaredIn(said: Members, answerMembers: readonly string[]): Members {
  const declared = Object.entries(said).filter(
    ([name, value]) => answerMembers.includes(name) && value !== null && value !== undefined,
  );
  return Object.fromEntries(declared);
}

/** Returns what only the reader of a stream receives: members that we do not know, or not with such a value. */
function othersIn(wire: Members, said: Members, declared: Members, choice: number): OtherMembers {
  const others = Object.entries(said).filter(
    ([name, value]) =>
      !(name in declared) &&
      (!messageNames.includes(name) || (value !== null && isOddReasoning(name, value))),
  );
  return {
    kind: "others",
    choice,
    ofMessage: Object.fromEntries(others),
    ofChoice: Object.fromEntries(
      Object.entries(wire).filter(([name]) => !choiceNames.includes(name)),
    ),
  };
}

function isOddReasoning(name: string, value: unknown): boolean {
  return reasoningNames.includes(name) && !isReasoning(name, value);
}

function logprobsOf({ content, refusal }: Members, choice: number): ChoicePart {
  return { kind: "logprobs", choice, content: listOrNull(content), refusal: listOrNull(refusal) };
}

function toolCallOf(call: Members, position: number, choice: number): AnswerToolCall {
  const called = membersOf(call["function"]);
  return {
    kind: "tool_call",
    choice,
    index: indexOf(call["index"], position),
    // An empty one would replace the one that a reader already has.
    id: nameOf(call["id"]) || null,
    type: nameOf(call["type"]) || null,
    name: textOf(called["name"]),
    arguments: argumentsOf(called["arguments"]),
    members: without(call, ["index", "id", "type", "function"]),
  };
}

/**
 * Returns the reasoning of a message, which a client may send back. Ingress refuses other members in a history, so that an
 * answer must not have them. The thoughts of Mistral are parts of its content.
 */
function reasoningIn(said: Members): Members {
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
