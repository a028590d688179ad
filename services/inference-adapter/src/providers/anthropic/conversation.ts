import type { Message } from "@sluice/contracts";
import { unreadable } from "../../faults.ts";
import type { Block, ImageBlock, TextBlock, Turn } from "./messages-api.ts";
import { type Unsupported, unsupported } from "./unsupported.ts";
import { thoughtsIn } from "./thoughts.ts";

export interface Conversation {
  readonly system: readonly TextBlock[];
  readonly messages: readonly Turn[];
  /** Whether the last turn is the result of a tool that was called without thinking. */
  readonly continuesWithoutThinking: boolean;
  /** Whether the model is to continue an answer that the client has begun. */
  readonly continuesAnswer: boolean;
}

/**
 * Returns the system prompt and the turns of a chat. All system messages are at the beginning, which is the only place
 * that every model has for them, and consecutive messages of one role are one turn.
 *
 * @param withThoughts whether the thinking of earlier answers is sent back
 * @throws PermanentFault `ADAPTER_REQUEST_UNREADABLE`
 */
export function conversationOf(
  messages: readonly Message[],
  withThoughts: boolean,
): Conversation | Unsupported {
  const system: TextBlock[] = [];
  const turns: { readonly role: "user" | "assistant"; readonly content: Block[] }[] = [];
  for (const message of messages) {
    const content = contentOf(message);
    if ("unsupported" in content) return content;
    if (message.role === "system" || message.role === "developer") {
      const texts = content.filter((block) => block.type === "text");
      if (texts.length < content.length)
        return unsupported("messages", "a system message has no images");
      system.push(...texts);
      continue;
    }
    const role = message.role === "assistant" ? "assistant" : "user";
    const blocks =
      role === "assistant" ? saidBy(message, content, withThoughts) : heardBy(message, content);
    const last = turns.at(-1);
    // The API refuses a turn without content.
    if (blocks.length === 0) continue;
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: blocks });
  }
  // A chat needs a turn, and clients may send nothing but instructions.
  if (turns.length === 0) turns.push({ role: "user", content: system.splice(0) });
  return {
    system,
    continuesAnswer: turns.at(-1)?.role === "assistant",
    messages: turns.map((turn, at) => (at === turns.length - 1 ? withoutLastBlanks(turn) : turn)),
    continuesWithoutThinking: continuesWithoutThinking(turns),
  };
}

type Content = readonly (TextBlock | ImageBlock)[];

/** Returns what an assistant said and called, after the thinking that led to it. */
function saidBy(message: Message, content: Content, withThoughts: boolean): Block[] {
  const calls =
    message.toolCalls === null ? [] : listIn(message.toolCalls, "The tool calls of a message");
  return [
    ...(withThoughts && message.members !== null
      ? thoughtsIn(parsed(message.members, "The members of a message"))
      : []),
    ...content,
    ...calls.map(toolUseOf),
  ];
}

function heardBy({ role, toolCallId }: Message, content: Content): Block[] {
  if (role !== "tool") return [...content];
  return [
    {
      type: "tool_result",
      tool_use_id: callIdOf(toolCallId),
      ...(content.length > 0 && { content: [...content] }),
    },
  ];
}

function toolUseOf(call: unknown): Block {
  const { id, function: called } = membersOf(call);
  const { name, arguments: text } = membersOf(called);
  return { type: "tool_use", id: callIdOf(id), name: String(name), input: inputOf(text) };
}

/** Returns the id of a call with the characters that the API takes. Other providers use dots and colons, or no id. */
function callIdOf(id: unknown): string {
  const given = typeof id === "string" && id !== "" ? id : "call";
  return given.replace(/[^a-zA-Z0-9_-]/g, (character) => `_${character.codePointAt(0)}_`);
}

/** Returns the arguments as an object, which the API requires. A model may have written something else before. */
function inputOf(text: unknown): object {
  try {
    const read: unknown = JSON.parse(String(text));
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return read;
    return { arguments: read };
  } catch {
    return text === "" ? {} : { arguments: text };
  }
}

/** Returns the texts and images of a message. The API refuses texts without any character that can be seen. */
function contentOf({ content, parts }: Message): Content | Unsupported {
  if (parts === null) return textsOf(content);
  const blocks: (TextBlock | ImageBlock)[] = [];
  for (const part of listIn(parts, "The parts of a message").map(membersOf)) {
    const { type, text, refusal, image_url: image } = part;
    if (type === "text") blocks.push(...textsOf(text));
    else if (type === "refusal") blocks.push(...textsOf(refusal));
    else if (type === "image_url") {
      const block = imageOf(membersOf(image)["url"]);
      if ("unsupported" in block) return block;
      blocks.push(block);
    } else return unsupported("content", `it has no part of the type '${String(type)}'`);
  }
  return blocks;
}

function textsOf(text: unknown): readonly TextBlock[] {
  return typeof text === "string" && text.trim() !== "" ? [{ type: "text", text }] : [];
}

const mediaTypes = ["image/jpeg", "image/png", "image/gif", "image/webp"] as const;

function imageOf(url: unknown): ImageBlock | Unsupported {
  const address = String(url);
  if (/^https?:/i.test(address)) return { type: "image", source: { type: "url", url: address } };
  const [, given = "", data = ""] = /^data:([^;,]*)(?:;[^;,]*)*;base64,(.*)$/s.exec(address) ?? [];
  const name = given.toLowerCase().replace("image/jpg", "image/jpeg");
  const mediaType = mediaTypes.find((each) => each === name);
  if (mediaType === undefined)
    return unsupported(
      "image_url",
      `an image is base64 of ${mediaTypes.join(", ")}, or an address`,
    );
  return { type: "image", source: { type: "base64", media_type: mediaType, data } };
}

/** The API refuses blanks at the end of an answer that the model is to continue. */
function withoutLastBlanks(turn: {
  readonly role: "user" | "assistant";
  readonly content: Block[];
}): Turn {
  const last = turn.content.at(-1);
  if (turn.role === "user" || last?.type !== "text") return turn;
  return {
    ...turn,
    content: [...turn.content.slice(0, -1), { ...last, text: last.text.trimEnd() }],
  };
}

function continuesWithoutThinking(
  turns: readonly { readonly role: string; readonly content: readonly Block[] }[],
): boolean {
  const last = turns.at(-1);
  if (!last?.content.some(({ type }) => type === "tool_result")) return false;
  const [first] = turns.at(-2)?.content ?? [];
  return first?.type !== "thinking" && first?.type !== "redacted_thinking";
}

function listIn(json: string, what: string): readonly unknown[] {
  const read = parsed(json, what);
  if (!Array.isArray(read)) throw unreadable(what);
  return read;
}

function parsed(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw unreadable(what);
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
