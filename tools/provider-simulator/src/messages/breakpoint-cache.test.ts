import { describe, expect, it } from "vitest";
import type { Life } from "./block-schemas.ts";
import { BreakpointCache, cachedTokensOf } from "./breakpoint-cache.ts";
import type { PromptBlock } from "./prompt-blocks.ts";

const minute = 60_000;
const owner = "model and key";

describe("the prompt cache with breakpoints", () => {
  it("writes up to a breakpoint, and reads it in the next prompt", () => {
    const cache = new BreakpointCache();
    expect(cache.use(owner, blocksOf("a", "b 5m", "c"), 0)).toEqual({
      ...{ readBlocks: 0, writes: [{ blocks: 2, life: "5m" }] },
    });
    expect(cache.use(owner, blocksOf("a", "b", "c", "d 5m"), 0)).toEqual({
      ...{ readBlocks: 2, writes: [{ blocks: 4, life: "5m" }] },
    });
    expect(cache.use(owner, blocksOf("a", "b", "c", "d 5m"), 0)).toEqual({
      ...{ readBlocks: 4, writes: [] },
    });
  });

  it("reads nothing without a breakpoint, after a change, or of another owner", () => {
    const cache = new BreakpointCache();
    cache.use(owner, blocksOf("a", "b 5m"), 0);
    expect(cache.use(owner, blocksOf("a", "b"), 0).readBlocks).toBe(0);
    expect(cache.use(owner, blocksOf("A", "b 5m"), 0).readBlocks).toBe(0);
    expect(cache.use("another", blocksOf("a", "b 5m"), 0).readBlocks).toBe(0);
    cache.clear();
    expect(cache.use(owner, blocksOf("a", "b 5m"), 0).readBlocks).toBe(0);
  });

  it("searches twenty blocks, beginning with that of the breakpoint", () => {
    const longer = (more: number) => [
      "a 5m",
      ...Array.from({ length: more - 1 }, (_, at) => `m${at}`),
      "end 5m",
    ];
    for (const [more, readBlocks] of [
      [19, 1],
      [20, 0],
    ] as const) {
      const cache = new BreakpointCache();
      cache.use(owner, blocksOf("a 5m"), 0);
      const [first = "", ...others] = longer(more);
      expect(cache.use(owner, blocksOf(first.slice(0, 1), ...others), 0).readBlocks).toBe(
        readBlocks,
      );
    }
  });

  it("keeps a prefix for its life from the last time it was read", () => {
    const cache = new BreakpointCache();
    const [short, long] = [blocksOf("a 5m"), blocksOf("b 1h")];
    cache.use(owner, short, 0);
    cache.use(owner, long, 0);
    expect(cache.use(owner, short, 4 * minute).readBlocks).toBe(1);
    expect(cache.use(owner, short, 8 * minute).readBlocks).toBe(1);
    expect(cache.use(owner, long, 59 * minute).readBlocks).toBe(1);
    expect(cache.use(owner, short, 13 * minute).readBlocks).toBe(0);
    expect(cache.use(owner, long, 119 * minute).readBlocks).toBe(0);
  });

  it("extends the life of a prefix that a later breakpoint finds", () => {
    const cache = new BreakpointCache();
    cache.use(owner, blocksOf("a 5m"), 0);
    cache.use(owner, blocksOf("a", "b 5m"), 4 * minute);
    expect(cache.use(owner, blocksOf("a", "c 5m"), 8 * minute).readBlocks).toBe(1);
  });

  it("extends the lives of shorter prefixes that a prompt still marks", () => {
    const cache = new BreakpointCache();
    cache.use(owner, blocksOf("a 5m", "b 5m"), 0);
    cache.use(owner, blocksOf("a 5m", "b 5m"), 4 * minute);
    expect(cache.use(owner, blocksOf("a 5m", "c"), 8 * minute).readBlocks).toBe(1);
  });
});

describe("the tokens of a prompt", () => {
  const hundredEach = (blocks: number) => blocks * 100;

  it("are written in the class of the breakpoint that covers them", () => {
    const plan = {
      readBlocks: 1,
      writes: [
        { blocks: 3, life: "1h" as const },
        { blocks: 6, life: "5m" as const },
      ],
    };
    expect(cachedTokensOf(plan, hundredEach, 1_000, 1)).toEqual({
      ...{ cachedInputTokens: 100, cacheWriteHourTokens: 200, cacheWriteTokens: 300 },
      inputTokens: 400,
    });
  });

  it("are input as long as a prefix is smaller than the model's least", () => {
    const plan = {
      readBlocks: 1,
      writes: [
        { blocks: 3, life: "1h" as const },
        { blocks: 6, life: "5m" as const },
      ],
    };
    expect(cachedTokensOf(plan, hundredEach, 1_000, 301)).toEqual({
      ...{ cachedInputTokens: 0, cacheWriteHourTokens: 0, cacheWriteTokens: 600 },
      inputTokens: 400,
    });
    expect(cachedTokensOf(plan, hundredEach, 1_000, 300).cacheWriteHourTokens).toBe(300);
  });
});

/** Returns blocks by their names, each with the life of its breakpoint if it ends a prefix. */
function blocksOf(...names: readonly string[]): readonly PromptBlock[] {
  return names.map((given) => {
    const [name, life] = given.split(" ");
    const breakpoint = lives.find((known) => known === life) ?? null;
    return { identity: name, texts: [], fixedTokens: 0, breakpoint };
  });
}

const lives: readonly Life[] = ["5m", "1h"];
