import { type Message, textOfParts } from "@sluice/contracts";
import { z } from "zod";
import { unsupported } from "./unsupported.ts";

const text = z.looseObject({ type: z.literal("text"), text: z.string() });
const image = z.looseObject({
  type: z.literal("image_url"),
  image_url: z.looseObject({ url: z.string().min(1) }),
});
const refusal = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });
/** Sound and files are refused, because their cost cannot be bounded before the call. */
const part = z.discriminatedUnion("type", [text, image, refusal], {
  error: "only parts of type 'text', 'image_url' and 'refusal' are supported",
});
type Part = z.output<typeof part>;

/** An answer may be sent back, and some providers write more into an id than OpenAI, which allows 40 characters. */
const identifier = z.string().max(512);
const authorName = z.string().max(64);

const toolCall = z.looseObject({
  id: identifier,
  type: z.literal("function", { error: "only tools of type 'function' are supported" }),
  function: z.looseObject({ name: identifier, arguments: z.string() }),
});

/**
 * The members in which providers return the reasoning of an answer, and expect it back in the history. Some models
 * refuse, or answer worse, if their reasoning is missing.
 */
const reasoning = {
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  reasoning_details: z.array(z.unknown()).nullish(),
};

/** Members of a message's record, in the form that {@link messageOf} gives them. */
export const reasoningMembers = z.strictObject(reasoning);

/** The content of a message, if it is a list of parts. */
export const parts = z.array(part).min(1);
export const toolCalls = z.array(toolCall);

/** The members of a message's record that are texts of their own, with the limits of {@link chatMessage}. */
export const recordTexts = z.object({
  name: authorName.nullable(),
  toolCallId: identifier.nullable(),
});

/** One message in the form of OpenAI's API. A client may send an answer back unchanged, nulls included. */
export const chatMessage = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: z.union([z.string(), parts]).nullish(),
  name: authorName.nullish(),
  tool_calls: toolCalls.nullish(),
  tool_call_id: identifier.nullish(),
  refusal: z.string().nullish(),
  annotations: z.array(z.unknown()).max(0, "only an empty list is supported").nullish(),
  ...reasoning,
  audio: unsupported("model prices have no rate for sound"),
  function_call: unsupported("it is OpenAI's former name; use 'tool_calls'"),
});

/** Returns the message as a record. A refusal becomes the content part that means the same to OpenAI. */
export function messageOf(given: z.output<typeof chatMessage>): Message {
  const { role, content, name, tool_calls: calls, tool_call_id: toolCallId } = given;
  const whole = withRefusal(content, given.refusal);
  return {
    role,
    content: textOf(whole),
    parts: isPlain(whole) ? null : JSON.stringify(whole),
    toolCalls: calls?.length ? JSON.stringify(calls) : null,
    toolCallId: toolCallId ?? null,
    name: name ?? null,
    members: reasoningOf(given),
  };
}

/** Only the reasoning of an assistant is sent to a provider, which may refuse a message of another role that has it. */
function reasoningOf(given: z.output<typeof chatMessage>): string | null {
  const { role, reasoning_content, reasoning: thoughts, reasoning_details } = given;
  if (role !== "assistant") return null;
  const members = Object.entries({ reasoning_content, reasoning: thoughts, reasoning_details });
  const said = members.filter(([, value]) => value !== null && value !== undefined);
  return said.length > 0 ? JSON.stringify(Object.fromEntries(said)) : null;
}

type Content = string | readonly Part[];

function withRefusal(
  content: Content | null | undefined,
  refusalText: string | null | undefined,
): Content {
  const given = content ?? "";
  if (typeof refusalText !== "string") return given;
  const before: readonly Part[] = typeof given === "string" ? textPartsOf(given) : given;
  return [...before, { type: "refusal", refusal: refusalText }];
}

function textPartsOf(content: string): readonly Part[] {
  return content === "" ? [] : [{ type: "text", text: content }];
}

/** One text part means the same as a string. Several parts do not, because providers join them differently. */
function isPlain(content: Content): boolean {
  if (typeof content === "string") return true;
  const [first] = content;
  return content.length === 1 && first?.type === "text" && Object.keys(first).length === 2;
}

/** Returns the text that stages read. The provider receives the parts. */
function textOf(content: Content): string {
  return typeof content === "string" ? content : textOfParts(content);
}
