import type { PromptCache } from "@sluice/declarations";
import type { Block, CacheControl, TextBlock, Tool, Turn } from "./messages-api.ts";

/** The parts of a prompt in the order in which Anthropic caches them. */
export interface Prompt {
  readonly tools: readonly Tool[];
  readonly system: readonly TextBlock[];
  readonly messages: readonly Turn[];
}

/** A prompt whose lists belong to the body. */
export interface CachedPrompt {
  readonly tools: Tool[];
  readonly system: TextBlock[];
  readonly messages: Turn[];
}

/** An hour is worth its price for what all conversations share. A turn is read again soon, or never. */
const forTurns: CacheControl = { type: "ephemeral" };

/**
 * Marks the prefixes that later requests repeat: tools and system prompt, which conversations share, and all turns
 * before the last one, which the next request of the conversation has again. What is marked must be long enough to be
 * cached, because a mark in a shorter prompt does nothing.
 */
export function withBreakpoints(
  { tools, system, messages }: Prompt,
  cache: PromptCache | null,
): CachedPrompt {
  const given = { tools: [...tools], system: [...system], messages: [...messages] };
  if (cache === null) return given;
  const earlier = messages.slice(0, -1);
  const shared = lengthOf(tools) + lengthOf(system);
  const isLong = (length: number): boolean => tokensOf(length) >= cache.minTokens;
  const marked = isLong(shared) ? withShared(given, controlFor(cache)) : given;
  if (earlier.length === 0 || !isLong(shared + lengthOf(earlier))) return marked;
  return { ...marked, messages: [...withLastMarked(earlier), ...messages.slice(-1)] };
}

function controlFor({ duration }: PromptCache): CacheControl {
  return duration === "1h" ? { type: "ephemeral", ttl: duration } : forTurns;
}

function withShared(prompt: CachedPrompt, control: CacheControl): CachedPrompt {
  const lastText = prompt.system.at(-1);
  const lastTool = prompt.tools.at(-1);
  if (lastText)
    return {
      ...prompt,
      system: [...prompt.system.slice(0, -1), { ...lastText, cache_control: control }],
    };
  if (!lastTool) return prompt;
  return {
    ...prompt,
    tools: [...prompt.tools.slice(0, -1), { ...lastTool, cache_control: control }],
  };
}

/** Marks the last block that can be marked, which thinking cannot. */
function withLastMarked(turns: readonly Turn[]): readonly Turn[] {
  const at = turns.findLastIndex(({ content }) => blocksOf(content).some(isMarkable));
  const turn = turns[at];
  if (!turn) return turns;
  const blocks = blocksOf(turn.content);
  const last = blocks.findLastIndex(isMarkable);
  const content = blocks.map((block, place) =>
    place === last && isMarkable(block) ? { ...block, cache_control: forTurns } : block,
  );
  return turns.map((each, place) => (place === at ? { ...each, content } : each));
}

type Markable = Extract<Block, { cache_control?: CacheControl | null }>;

function isMarkable(block: Block): block is Markable {
  return block.type !== "thinking" && block.type !== "redacted_thinking";
}

function blocksOf(content: Turn["content"]): readonly Block[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

/**
 * Returns a low figure of characters per token, so that a prompt near the least length is rather marked than not: the
 * provider ignores a mark that comes too early, and one that is missing costs the price of the whole prompt.
 */
const charactersPerToken = 3;

function tokensOf(length: number): number {
  return length / charactersPerToken;
}

/** Returns the characters of the texts. The data of an image says nothing about its tokens. */
function lengthOf(parts: readonly object[]): number {
  return JSON.stringify(parts, (name, value: unknown) => (name === "data" ? "" : value)).length;
}
