import type { ContentBlock } from "./block-schemas.ts";
import { invalid } from "./invalid-request.ts";
import type { Message, MessagesBody } from "./request-schema.ts";
import { isSignatureOf } from "./signature.ts";

/**
 * Checks the rules of a conversation that no schema can express. They are those of Anthropic's guides "Handle tool
 * calls", "Extended thinking" and "Prefill".
 *
 * @throws ApiError 400 that names the first wrong message or block
 */
export function checkHistory({ messages, thinking }: MessagesBody): void {
  if (messages[0]?.role !== "user")
    throw invalid("messages.0.role", 'first message must use the "user" role');
  messages.forEach(({ content, role }, at) => {
    const isOpenEnd = role === "assistant" && at === messages.length - 1;
    if (content.length === 0 && !isOpenEnd)
      throw invalid(`messages.${at}.content`, "all messages must have non-empty content");
  });
  checkToolCalls(messages);
  checkSignatures(messages);
  checkEnd(messages, thinking?.type ?? "disabled");
}

/**
 * Checks that no text of a user cites a document, which Anthropic refuses since its version 2026-10-21.
 *
 * @throws ApiError 400 that names the first wrong block
 */
export function checkCitations({ messages }: MessagesBody): void {
  messages.forEach(({ role, content }, at) =>
    content.forEach((block, index) => {
      if (role !== "user" || block.type !== "text" || !block.citations?.length) return;
      throw invalid(`messages.${at}.content.${index}.citations`, "Extra inputs are not permitted");
    }),
  );
}

function checkToolCalls(messages: readonly Message[]): void {
  const known = new Set<string>();
  let open: readonly string[] = [];
  messages.forEach((message, at) => {
    const answered = resultsIn(message.content, open, at);
    const missing = open.filter((id) => !answered.has(id));
    if (missing.length > 0)
      throw invalid(
        `messages.${at - 1}`,
        `tool_use ids were found without tool_result blocks immediately after: ${missing.join(", ")}`,
      );
    open = callsIn(message.content);
    for (const id of open) {
      if (known.has(id)) throw invalid(`messages.${at}`, `tool_use ids must be unique: ${id}`);
      known.add(id);
    }
  });
  if (open.length > 0)
    throw invalid(
      `messages.${messages.length - 1}`,
      `tool_use ids were found without tool_result blocks immediately after: ${open.join(", ")}`,
    );
}

function callsIn(content: readonly ContentBlock[]): readonly string[] {
  return content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
}

/** Returns the ids of the results in a message. They precede its other blocks, and each answers one open call. */
function resultsIn(
  content: readonly ContentBlock[],
  open: readonly string[],
  at: number,
): ReadonlySet<string> {
  const found = new Set<string>();
  content.forEach((block, index) => {
    if (block.type !== "tool_result") return;
    const path = `messages.${at}.content.${index}`;
    const { tool_use_id: id } = block;
    if (!open.includes(id))
      throw invalid(path, `unexpected tool_use_id found in tool_result blocks: ${id}`);
    if (found.has(id)) throw invalid(path, `found multiple tool_result blocks with id: ${id}`);
    if (found.size !== index)
      throw invalid(path, "tool_result blocks must precede all other content of the message");
    found.add(id);
  });
  return found;
}

function checkSignatures(messages: readonly Message[]): void {
  messages.forEach(({ content }, at) =>
    content.forEach((block, index) => {
      if (block.type !== "thinking" || isSignatureOf(block.signature, block.thinking)) return;
      throw invalid(`messages.${at}.content.${index}`, "Invalid signature in thinking block");
    }),
  );
}

function checkEnd(messages: readonly Message[], thinking: string): void {
  const last = messages.at(-1);
  const path = `messages.${messages.length - 1}.content`;
  if (last?.role === "assistant") {
    if (thinking !== "disabled")
      throw invalid(path, "the final message must not be of the assistant if thinking is enabled");
    const block = last.content.at(-1);
    if (block?.type === "text" && /\s$/.test(block.text))
      throw invalid(path, "final assistant content cannot end with trailing whitespace");
  }
  if (thinking === "enabled") checkThoughtBeforeCall(messages);
}

/**
 * Checks that the turn which the answer continues, after the results of its tools, began with a thought. Without it,
 * a model that thinks could not continue.
 */
function checkThoughtBeforeCall(messages: readonly Message[]): void {
  const asked = messages.findLastIndex(
    ({ role, content }) => role === "user" && !content.some(({ type }) => type === "tool_result"),
  );
  const first = messages[asked + 1]?.content[0]?.type;
  if (first === undefined || first === "thinking" || first === "redacted_thinking") return;
  throw invalid(
    `messages.${asked + 1}.content.0.type`,
    `Expected thinking or redacted_thinking, but found ${first}`,
  );
}
