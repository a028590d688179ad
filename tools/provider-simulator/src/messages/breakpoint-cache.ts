import { BoundedMap } from "../bounded-map.ts";
import { digestOf } from "../seeded.ts";
import type { Life } from "./block-schemas.ts";
import type { PromptBlock } from "./prompt-blocks.ts";

const PREFIXES_MAX = 100_000;
/** How many blocks are searched for a written prefix, from each breakpoint backwards and with its own block. */
const LOOKBACK_BLOCKS = 20;
const lifeMs: Readonly<Record<Life, number>> = { "5m": 5 * 60_000, "1h": 60 * 60_000 };

/** The blocks of a prompt that are read from the cache, and those that are written to it. */
export interface CachePlan {
  /** The number of blocks from the beginning that are read. */
  readonly readBlocks: number;
  /** The prefixes that are written, the shortest first. */
  readonly writes: readonly { readonly blocks: number; readonly life: Life }[];
}

/** The tokens of a prompt by the classes of Anthropic's usage. Their sum is the prompt. */
export interface CachedTokens {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWriteHourTokens: number;
}

interface WrittenPrefix {
  readonly life: Life;
  readonly expiresAt: number;
}

/**
 * The prompt cache of Anthropic's interface, by its guide "Prompt caching". A prefix is written at a breakpoint, and
 * read by a later prompt of the same model and key that begins with the same blocks. It is in memory only, so a
 * restart empties it.
 */
export class BreakpointCache {
  readonly #written = new BoundedMap<string, WrittenPrefix>(PREFIXES_MAX);

  /**
   * Returns what a prompt, which is billed now, reads and writes, and remembers it. Reading a prefix extends its life.
   * Prefixes below the least size are remembered too, because {@link cachedTokensOf} gives them no tokens.
   *
   * @param owner the model and the key, which share no prefixes with others
   * @param now epoch milliseconds
   */
  use(owner: string, blocks: readonly PromptBlock[], now: number): CachePlan {
    const digests = digestsOf(owner, blocks);
    const breakpoints = blocks.flatMap(({ breakpoint: life }, at) => (life ? [{ at, life }] : []));
    const readBlocks = Math.max(
      0,
      ...breakpoints.map(({ at }) => this.#readable(digests, at, now)),
    );

    this.#extend(digests[readBlocks - 1], now);
    for (const { at, life } of breakpoints) {
      if (at < readBlocks) this.#extend(digests[at], now);
      else this.#write(digests[at], life, now);
    }
    const writes = breakpoints
      .filter(({ at }) => at >= readBlocks)
      .map(({ at, life }) => ({ blocks: at + 1, life }));
    return { readBlocks, writes };
  }

  clear(): void {
    this.#written.clear();
  }

  /** Returns the number of blocks of the longest living prefix that a breakpoint finds, or 0. */
  #readable(digests: readonly string[], breakpoint: number, now: number): number {
    const first = Math.max(0, breakpoint - LOOKBACK_BLOCKS + 1);
    const searched = digests.slice(first, breakpoint + 1);
    const found = searched.findLastIndex((digest) => this.#living(digest, now) !== undefined);
    return found < 0 ? 0 : first + found + 1;
  }

  #living(digest: string, now: number): WrittenPrefix | undefined {
    const prefix = this.#written.get(digest);
    return prefix && prefix.expiresAt > now ? prefix : undefined;
  }

  #extend(digest: string | undefined, now: number): void {
    if (digest === undefined) return;
    const prefix = this.#living(digest, now);
    if (prefix) this.#write(digest, prefix.life, now);
  }

  #write(digest: string | undefined, life: Life, now: number): void {
    if (digest !== undefined) this.#written.set(digest, { life, expiresAt: now + lifeMs[life] });
  }
}

/**
 * Divides the tokens of a prompt into the classes of its usage. Tokens are written in the class of the first breakpoint
 * that covers them. A prefix with fewer tokens than the model's least is neither written nor read.
 *
 * @param tokensUntil the tokens of the first blocks, by their number
 */
export function cachedTokensOf(
  { readBlocks, writes }: CachePlan,
  tokensUntil: (blocks: number) => number,
  promptTokens: number,
  tokensLeast: number,
): CachedTokens {
  const sizeOf = (blocks: number): number => {
    const tokens = tokensUntil(blocks);
    return tokens < tokensLeast ? 0 : tokens;
  };
  const read = sizeOf(readBlocks);
  const written = { "5m": 0, "1h": 0 };
  let covered = read;
  for (const { blocks, life } of writes) {
    const tokens = Math.max(covered, sizeOf(blocks));
    written[life] += tokens - covered;
    covered = tokens;
  }
  return {
    inputTokens: promptTokens - covered,
    cachedInputTokens: read,
    cacheWriteTokens: written["5m"],
    cacheWriteHourTokens: written["1h"],
  };
}

/** Returns one digest for each block. Each depends on all blocks before it. */
function digestsOf(owner: string, blocks: readonly PromptBlock[]): readonly string[] {
  let before = owner;
  return blocks.map(({ identity }) => (before = digestOf(before, identity)));
}
