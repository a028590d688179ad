import { BoundedMap } from "../bounded-map.ts";
import type { ChatRequest } from "./chat-request.ts";
import { promptTextOf } from "./prompt.ts";
import { digestOf } from "../seeded.ts";

const BLOCK_CHARACTERS = 512;
const BLOCK_TOKENS = 128;
const CACHED_TOKENS_LEAST = 1_024;
const BLOCKS_MAX = 200_000;

/**
 * The simulated provider's prompt cache. A prompt is divided into blocks of 512 characters, which is about 128
 * tokens of English. The cache knows which blocks a prompt shares from its beginning with an earlier billed
 * prompt of the same model. It is in memory only, so a restart empties it.
 */
export class PromptCache {
  readonly #seen = new BoundedMap<string, true>(BLOCKS_MAX);

  /** Returns the text that a prompt, which is billed now, shares with an earlier one, and adds the prompt. */
  sharedTextOf({ model, messages }: ChatRequest): string {
    const text = promptTextOf(messages);
    const blocks = blocksOf(model, text);
    const firstUnseen = blocks.findIndex((block) => !this.#seen.has(block));
    const shared = (firstUnseen < 0 ? blocks.length : firstUnseen) * BLOCK_CHARACTERS;
    for (const block of blocks) this.#seen.set(block, true);
    return text.slice(0, shared);
  }

  clear(): void {
    this.#seen.clear();
  }
}

/**
 * Returns how many tokens of a prompt are cached: complete blocks of 128 of the shared tokens, if they are 1,024
 * or more. They are never more than the prompt has.
 */
export function cachedTokensOf(sharedTokens: number, promptTokens: number): number {
  const tokens = Math.min(sharedTokens, promptTokens);
  return tokens < CACHED_TOKENS_LEAST ? 0 : tokens - (tokens % BLOCK_TOKENS);
}

/** Returns one digest for each complete block. Each digest depends on all earlier blocks. */
function blocksOf(model: string, text: string): readonly string[] {
  const blocks: string[] = [];
  let before = model;
  for (let end = BLOCK_CHARACTERS; end <= text.length; end += BLOCK_CHARACTERS) {
    before = digestOf(before, text.slice(end - BLOCK_CHARACTERS, end));
    blocks.push(before);
  }
  return blocks;
}
