import type { ContentBlock, Life, TextBlock } from "./block-schemas.ts";
import type { MessagesBody, Tool } from "./request-schema.ts";

/** The smallest part of a prompt that can end a cached prefix. */
export interface PromptBlock {
  /** What the prompt cache compares: the place of the block and its content, without its breakpoint. */
  readonly identity: unknown;
  /** Everything of the block that a model reads as text. */
  readonly texts: readonly string[];
  /** The tokens of its media and of the frame of its turn. */
  readonly fixedTokens: number;
  /** The life of the prefix that ends here; null without a breakpoint. */
  readonly breakpoint: Life | null;
}

/** The frames of messages, tools and images are those of the chat, so that the same prompt has the same tokens. */
const TOKENS_PER_TURN = 3;
const TOKENS_PER_FUNCTION = 7;
const TOKENS_PER_TOOLS = 12;
const TOKENS_PER_IMAGE = 85;
/** One page by Anthropic's guide "PDF support", which gives 1,500 to 3,000. The simulator does not read documents. */
const TOKENS_PER_DOCUMENT = 1_500;

/** Returns the blocks of a prompt in the order of Anthropic's prompt cache: tools, system, messages. */
export function promptBlocksOf(body: MessagesBody): readonly PromptBlock[] {
  const { tools = [], system = [], messages } = body;
  const turns = [
    ...system.map((block) => ({ role: "system", block })),
    ...messages.flatMap(({ role, content }) => content.map((block) => ({ role, block }))),
  ];
  const firstOfMessages = turns.findIndex(({ role }) => role !== "system");
  const blocks = [
    ...tools.map(toolBlockOf),
    ...turns.map(({ role, block }, at) => ({
      ...contentBlockOf(role, block, role !== turns[at - 1]?.role),
      // Another choice of tools or way of thinking changes the beginning of the messages for the cache.
      ...(at === firstOfMessages && {
        identity: [role, identityOf(block), body.tool_choice, body.thinking],
      }),
    })),
  ];
  return withAutomaticBreakpoint(blocks, body.cache_control?.ttl ?? null);
}

/** Returns the texts of a block that are part of the prompt, without those of tools' schemas. */
export function textsOf(block: ContentBlock): readonly string[] {
  switch (block.type) {
    case "text":
      return [block.text];
    case "image":
      return [];
    case "document":
      return [block.title ?? "", block.context ?? "", ...documentTextsOf(block.source)];
    case "tool_use":
      return [JSON.stringify({ id: block.id, name: block.name, input: block.input })];
    case "tool_result":
      return [block.tool_use_id, ...(block.content ?? []).flatMap(textsOf)];
    case "thinking":
      return [block.thinking];
    case "redacted_thinking":
      return [block.data];
    default:
      return block satisfies never;
  }
}

/** Returns a block without its breakpoint, to which neither the cache nor the answer pays attention. */
export function identityOf(block: ContentBlock | TextBlock | Tool): unknown {
  const { cache_control: _, ...content } = { cache_control: null, ...block };
  if (!("content" in content) || !content.content) return content;
  return { ...content, content: content.content.map(identityOf) };
}

/** Returns all lives of breakpoints in a block and in the blocks inside a result of a tool. */
export function breakpointsIn(block: ContentBlock | Tool): readonly Life[] {
  const inner = "content" in block ? (block.content ?? []).flatMap(breakpointsIn) : [];
  const own = "cache_control" in block && block.cache_control ? [block.cache_control.ttl] : [];
  return [...inner, ...own];
}

function toolBlockOf(tool: Tool, at: number): PromptBlock {
  const identity = identityOf(tool);
  return {
    identity: ["tools", identity],
    texts: [JSON.stringify(identity)],
    fixedTokens: TOKENS_PER_FUNCTION + (at === 0 ? TOKENS_PER_TOOLS : 0),
    breakpoint: breakpointsIn(tool).at(-1) ?? null,
  };
}

/** Consecutive messages of one role are one turn, as with Anthropic, and have one frame. */
function contentBlockOf(role: string, block: ContentBlock, beginsTurn: boolean): PromptBlock {
  return {
    identity: [role, identityOf(block)],
    texts: [...(beginsTurn ? [role] : []), ...textsOf(block)],
    fixedTokens: mediaTokensOf(block) + (beginsTurn ? TOKENS_PER_TURN : 0),
    breakpoint: breakpointsIn(block).at(-1) ?? null,
  };
}

function documentTextsOf(
  source: Extract<ContentBlock, { type: "document" }>["source"],
): readonly string[] {
  if (source.type === "text") return [source.data];
  return source.type === "content" ? source.content.flatMap(textsOf) : [];
}

function mediaTokensOf(block: ContentBlock): number {
  switch (block.type) {
    case "image":
      return TOKENS_PER_IMAGE;
    case "document":
      if (block.source.type === "text") return 0;
      return block.source.type === "content"
        ? sumOf(block.source.content.map(mediaTokensOf))
        : TOKENS_PER_DOCUMENT;
    case "tool_result":
      return sumOf((block.content ?? []).map(mediaTokensOf));
    case "text":
    case "tool_use":
    case "thinking":
    case "redacted_thinking":
      return 0;
    default:
      return block satisfies never;
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Adds the breakpoint of the request itself, which Anthropic sets on the last block. */
function withAutomaticBreakpoint(
  blocks: readonly PromptBlock[],
  life: Life | null,
): readonly PromptBlock[] {
  const last = blocks.at(-1);
  if (!last || life === null) return blocks;
  return [...blocks.slice(0, -1), { ...last, breakpoint: life }];
}
