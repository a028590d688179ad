import type { Message } from "@sluice/contracts";
import { z } from "zod";
import { unsupported } from "./unsupported.ts";

const text = z.looseObject({ type: z.literal("text"), text: z.string() });
const image = z.looseObject({
  type: z.literal("image_url"),
  image_url: z.looseObject({ url: z.string().min(1) }),
});
const refusal = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });
/** Sound and files are refused: what they cost cannot be bounded before the call. */
const part = z.discriminatedUnion("type", [text, image, refusal], {
  error: "only parts of type 'text', 'image_url' and 'refusal' are supported",
});
type Part = z.output<typeof part>;

const toolCall = z.looseObject({
  id: z.string(),
  type: z.literal("function", { error: "only tools of type 'function' are supported" }),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});

/** The content of a message where it is a list of parts. */
export const parts = z.array(part).min(1);
export const toolCalls = z.array(toolCall);

/** One message as OpenAI's API takes it. Answers may be sent back as they came, nulls included. */
export const chatMessage = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: z.union([z.string(), parts]).nullish(),
  name: z.string().max(64).nullish(),
  tool_calls: toolCalls.nullish(),
  tool_call_id: z.string().nullish(),
  refusal: z.string().nullish(),
  annotations: z.array(z.unknown()).max(0, "only an empty list is supported").nullish(),
  audio: unsupported("the model prices declared here have no rate for sound"),
  function_call: unsupported("it is OpenAI's former name; use 'tool_calls'"),
});

/** The same as a record. A refusal is kept as the part that OpenAI takes for the same. */
export function messageOf(given: z.output<typeof chatMessage>): Message {
  const { role, content, name, tool_calls: calls, tool_call_id: toolCallId } = given;
  const said = withRefusal(content, given.refusal);
  return {
    role,
    content: textOf(said),
    parts: isPlain(said) ? null : JSON.stringify(said),
    toolCalls: calls?.length ? JSON.stringify(calls) : null,
    toolCallId: toolCallId ?? null,
    name: name ?? null,
  };
}

type Content = string | readonly Part[];

function withRefusal(
  content: Content | null | undefined,
  refused: string | null | undefined,
): Content {
  const said = content ?? "";
  if (typeof refused !== "string") return said;
  const before: readonly Part[] = typeof said === "string" ? textPartsOf(said) : said;
  return [...before, { type: "refusal", refusal: refused }];
}

function textPartsOf(said: string): readonly Part[] {
  return said === "" ? [] : [{ type: "text", text: said }];
}

/** One text is the same as a string. Several are not: providers differ in how they join them. */
function isPlain(said: Content): boolean {
  if (typeof said === "string") return true;
  const [first] = said;
  return said.length === 1 && first?.type === "text" && Object.keys(first).length === 2;
}

/** What stages count and read; the provider gets the parts. */
function textOf(said: Content): string {
  if (typeof said === "string") return said;
  return said.map(textOfPart).join("");
}

function textOfPart(each: Part): string {
  if (each.type === "text") return each.text;
  return each.type === "refusal" ? each.refusal : "";
}
