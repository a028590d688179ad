import { createHash } from "node:crypto";

/** A body for `POST /v1/chat/completions`. Ingress validates its members. */
export type ChatBody = Readonly<Record<string, unknown>>;

export interface PromptLine {
  /** The number of the line in the file, from 1. */
  readonly line: number;
  /** The id in the line; null if it has none. */
  readonly id: string | null;
  readonly body: ChatBody;
  /** Is the same for the same line of the same file, so that a second run joins the first. */
  readonly idempotencyKey: string;
}

export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

export interface PromptFile {
  readonly lines: readonly PromptLine[];
  readonly bad: readonly BadLine[];
}

/** The limit for a file, which is read into memory as a whole. */
export const fileBytesMax = 64 * 1024 * 1024;

/**
 * Returns the requests of a JSONL file, and its malformed lines with the reasons. Skips empty lines. Pure.
 *
 * @param model the model for lines that name none
 * @param round part of every idempotency key, so that another round sends new requests
 */
export function promptLinesOf(content: Buffer, model: string, round = 1): PromptFile {
  const fileHash = createHash("sha256").update(content).digest("hex");
  const lines: PromptLine[] = [];
  const bad: BadLine[] = [];
  const seen = new Map<string, number>();
  for (const [index, bytes] of splitLines(content).entries()) {
    const line = index + 1;
    const parsed = parseLine(bytes, model);
    if (parsed === undefined) continue;
    if (typeof parsed === "string") {
      bad.push({ line, reason: parsed });
      continue;
    }
    const { id, body } = parsed;
    const name = id === null ? ["line", fileHash, String(line)] : ["id", id, timesSeen(seen, id)];
    lines.push({ line, id, body, idempotencyKey: idempotencyKeyOf(round, name, body) });
  }
  return { lines, bad };
}

/** Counts how often an id has occurred. A repeated id is another request, because files may repeat prompts on purpose. */
function timesSeen(seen: Map<string, number>, id: string): string {
  const times = (seen.get(id) ?? 0) + 1;
  seen.set(id, times);
  return String(times);
}

/**
 * Returns the key of a line. It includes the body, so that an edited line or another `--model` is a
 * new request and not a conflict. A line with an id keeps its key when other lines change.
 */
function idempotencyKeyOf(round: number, name: readonly string[], body: ChatBody): string {
  const text = JSON.stringify([round, ...name, body]);
  return `sluice-send-${createHash("sha256").update(text).digest("hex").slice(0, 40)}`;
}

function parseLine(
  bytes: Buffer,
  model: string,
): { readonly id: string | null; readonly body: ChatBody } | string | undefined {
  const text = textOf(bytes);
  if (text === undefined) return "it is not UTF-8";
  if (text.trim() === "") return undefined;
  const value = jsonOf(text);
  if (!isObject(value)) return 'it is not a JSON object, such as {"prompt": "…"}';
  const { id = null, prompt, ...rest } = value;
  if (!isId(id)) return '"id" must be text of 1 to 128 characters, or a whole number';
  if ("stream" in rest)
    return '"stream" is not allowed in files, because answers are written whole';
  const messages = messagesOf(prompt, rest["messages"]);
  if (typeof messages === "string") return messages;
  return { id: id === null ? null : String(id), body: { model, ...rest, messages } };
}

function messagesOf(prompt: unknown, messages: unknown): readonly unknown[] | string {
  if ((prompt === undefined) === (messages === undefined))
    return 'it needs either "prompt" or "messages"';
  if (prompt !== undefined)
    return typeof prompt === "string"
      ? [{ role: "user", content: prompt }]
      : '"prompt" must be text';
  if (!Array.isArray(messages) || messages.length === 0)
    return '"messages" must be a list with at least one message';
  return messages;
}

function isId(id: unknown): id is string | number | null {
  if (typeof id === "string") return id.length >= 1 && id.length <= 128;
  return id === null || Number.isSafeInteger(id);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function splitLines(content: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start <= content.length;) {
    const found = content.indexOf(0x0a, start);
    const end = found < 0 ? content.length : found;
    lines.push(content.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
