import type { InferenceRequested, Message } from "@sluice/contracts";
import { openAiRequestMembers } from "@sluice/declarations";

/** Everything that a provider reads as text, except pictures. */
export interface RequestTexts {
  /** Texts that a provider receives as they are, each for itself. */
  readonly plain: readonly string[];
  /**
   * Structured values whose strings have escapes in JSON: as JSON, and with these strings as they are.
   * Either form may have more tokens: `\text` is one token, and a tab and `ext` are two.
   */
  readonly escaped: {
    readonly asJson: readonly string[];
    readonly asText: readonly string[];
  };
  /**
   * Signatures and encrypted reasoning, which are in the texts above too. They are sent, but a model does not read them as
   * text, so the length of their base64 has no relation to what they occupy of the context window.
   */
  readonly opaque: readonly string[];
  readonly pictures: number;
  /**
   * Whether the request has tools, a schema of the answer, or a structured value that OpenAI's API does not have, such as
   * the documents of a chat template. Providers and templates add instructions to them.
   */
  readonly hasDefinitions: boolean;
}

/** Returns everything that the adapter sends for a request, and that a provider may count as input. Pure. */
export function textsOf(request: InferenceRequested): RequestTexts {
  const { messages, inputs } = request;
  const parameters = objectIn(request.parameters);
  const sent = messages.map(sentOf);
  const structured = [
    ...sent.flatMap((each) => each.structured),
    ...(Object.keys(parameters).length > 0 ? [parameters] : []),
  ].map(formsOf);
  const withEscapes = structured.filter(({ json }) => json.includes("\\"));
  const plainJson = structured.filter(({ json }) => !json.includes("\\"));
  return {
    plain: [
      ...inputs,
      ...sent.flatMap(({ texts }) => texts.filter((text) => text !== "")),
      ...plainJson.map(({ json }) => json),
    ],
    escaped: {
      asJson: withEscapes.map(({ json }) => json),
      asText: withEscapes.flatMap(({ skeleton, strings }) => [skeleton, ...strings]),
    },
    opaque: messages.flatMap(({ members }) =>
      members === null ? [] : opaqueIn(objectIn(members)),
    ),
    pictures: sent.reduce((sum, { pictures }) => sum + pictures, 0),
    hasDefinitions: Object.entries(parameters).some(isDefinition),
  };
}

function isDefinition([name, value]: readonly [string, unknown]): boolean {
  if (name === "tools" || name === "response_format") return true;
  return typeof value === "object" && value !== null && !openAiRequestMembers.has(name);
}

interface Sent {
  readonly texts: readonly string[];
  readonly structured: readonly unknown[];
  readonly pictures: number;
}

/** Returns everything of a message that is sent to the provider: its parts instead of its content, if it has any. */
function sentOf({ content, parts, toolCalls, toolCallId, name, members }: Message): Sent {
  const read = parts === null ? [contentPart(content)] : listIn(parts).map(readPart);
  return {
    texts: [...read.flatMap(({ texts }) => texts), toolCallId ?? "", name ?? ""],
    structured: [
      ...read.flatMap(({ rest }) => (rest === undefined ? [] : [rest])),
      ...(toolCalls === null ? [] : listIn(toolCalls)),
      ...(members === null ? [] : [objectIn(members)]),
    ],
    pictures: read.filter(({ isPicture }) => isPicture).length,
  };
}

interface ReadPart {
  readonly texts: readonly string[];
  /** All other members, which a provider may read too. */
  readonly rest?: unknown;
  readonly isPicture: boolean;
}

function contentPart(content: string): ReadPart {
  return { texts: [content], isPicture: false };
}

/** Only the address of a picture is not text: its tokens depend on the model. */
function readPart(part: unknown): ReadPart {
  if (typeof part !== "object" || part === null) return { texts: [], rest: part, isPicture: false };
  const texts: string[] = [];
  const rest: Record<string, unknown> = {};
  const isPicture = "type" in part && part.type === "image_url";
  for (const [name, value] of Object.entries(part)) {
    if ((name === "text" || name === "refusal") && typeof value === "string") texts.push(value);
    else if (isPicture && name === "image_url") rest[name] = withoutAddress(value);
    // A name is set as an own member, also if it is `__proto__`.
    else Object.defineProperty(rest, name, { value, enumerable: true });
  }
  return { texts, rest, isPicture };
}

function withoutAddress(image: unknown): unknown {
  if (typeof image !== "object" || image === null) return image;
  return Object.fromEntries(Object.entries(image).filter(([name]) => name !== "url"));
}

/**
 * Members of `reasoning_details` with base64 of up to tens of kilobytes ("Reasoning Tokens",
 * https://openrouter.ai/docs/use-cases/reasoning-tokens).
 */
const opaqueNames: ReadonlySet<string> = new Set(["signature", "data"]);

function opaqueIn(members: object): readonly string[] {
  const details: unknown = "reasoning_details" in members ? members.reasoning_details : [];
  if (!Array.isArray(details)) return [];
  return details
    .flatMap((detail: unknown) =>
      typeof detail === "object" && detail !== null ? Object.entries(detail) : [],
    )
    .flatMap(([name, value]: readonly [string, unknown]) =>
      opaqueNames.has(name) && typeof value === "string" ? [value] : [],
    );
}

interface Forms {
  readonly json: string;
  /** The JSON with an empty string for each string that has escapes. */
  readonly skeleton: string;
  readonly strings: readonly string[];
}

function formsOf(value: unknown): Forms {
  const json = JSON.stringify(value);
  if (!json.includes("\\")) return { json, skeleton: json, strings: [] };
  const strings: string[] = [];
  const skeleton = JSON.stringify(value, (name, each: unknown) => {
    if (hasEscapes(name)) strings.push(name);
    if (typeof each !== "string" || !hasEscapes(each)) return each;
    strings.push(each);
    return "";
  });
  return { json, skeleton, strings };
}

/** Returns whether JSON writes a text in another way. */
function hasEscapes(text: string): boolean {
  return JSON.stringify(text).length !== text.length + 2;
}

/** Parses without a check of the shape, because ingress has checked every request. */
function listIn(json: string): readonly unknown[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value) ? value : [value];
}

function objectIn(json: string): object {
  const value: unknown = JSON.parse(json);
  return typeof value === "object" && value !== null ? value : {};
}
