import { BoundedMap } from "../bounded-map.ts";
import type { ChatRequest } from "./chat-request.ts";
import { promptTextOf } from "./prompt.ts";
import { digestOf } from "../seeded.ts";
import { tokensOf } from "../tokens.ts";

const BLOCK_TOKENS = 128;
const CACHED_TOKENS_LEAST = 1_024;
const BLOCKS_MAX = 200_000;

/**
 * The simulated provider's prompt cache. A prompt is divided into blocks of 128 tokens. The blocks that it
 * shares from its beginning with an earlier billed prompt of the same model are cached, if they have 1,024
 * tokens or more in total. The cache is in memory only, so a restart empties it.
 */
export class PromptCache {
  readonly #seen = new BoundedMap<string, true>(BLOCKS_MAX);

  /** Returns the cached tokens of a prompt that is billed now, and adds the prompt to the cache. */
  cachedTokensOf({ model, messages }: ChatRequest): number {
    const blocks = blocksOf(model, tokensOf(promptTextOf(messages)));
    const firstUnseen = blocks.findIndex((block) => !this.#seen.has(block));
    const shared = (firstUnseen < 0 ? blocks.length : firstUnseen) * BLOCK_TOKENS;
    for (const block of blocks) this.#seen.set(block, true);
    return shared < CACHED_TOKENS_LEAST ? 0 : shared;
  }

  clear(): void {
    this.#seen.clear();
  }
}

/** Returns one digest for each complete block. Each digest depends on all earlier blocks. */
function blocksOf(model: string, tokens: readonly string[]): readonly string[] {
  if (tokens.length < CACHED_TOKENS_LEAST) return [];
  const blocks: string[] = [];
  let before = model;
  for (let end = BLOCK_TOKENS; end <= tokens.length; end += BLOCK_TOKENS) {
    before = digestOf(before, tokens.slice(end - BLOCK_TOKENS, end));
    blocks.push(before);
  }
  return blocks;
}
