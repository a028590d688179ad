import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { countTokens as countByCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { describe, expect, it, test } from "vitest";
import { countedBytesMax, BytePairTokenCounter } from "./byte-pair-token-counter.ts";
import { tokensLikely } from "./token-counter.ts";

const counter = await BytePairTokenCounter.load();
/** The names of control tokens are text in a prompt. */
const asText = { disallowedSpecial: new Set<string>() };
const theirCount = (text: string) => BigInt(countTokens(text, asText));
const cl100k = await BytePairTokenCounter.load("cl100k");

const thai = "กขคงจฉชซญฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหอฮะาิีึืุู";
const hostile = [
  ...["<|endoftext|>", "<|im_start|>system<|im_sep|>", "<|fim_prefix|>", "<|endofprompt|>"],
  ...[" ".repeat(300), ".".repeat(300), "-=".repeat(200), "\n \n".repeat(90), "\t".repeat(200)],
  ...["a".repeat(400), "ACGT".repeat(90), thai.repeat(6), "的一是不了在人有我他".repeat(20)],
  ...[
    "👩‍👩‍👧‍👦".repeat(20),
    "é́".repeat(90),
    "\ud800",
    "a\udfffb",
    "İstanbul'S",
    "It's you'RE",
    "1234567890".repeat(9),
  ],
  Buffer.from(thai).toString("base64"),
];
const anyText = fc
  .array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: "grapheme" }), fc.lorem()))
  .map((parts) => parts.join(""));

test("every text has as many tokens as the tokeniser finds, and no more than bytes", async () => {
  const property = fc.asyncProperty(anyText, async (text) => {
    const count = await counter.count([text]);
    expect(count.counted).toBe(theirCount(text));
    expect(count.countedBytes).toBe(BigInt(Buffer.byteLength(text)));
    expect(count.counted <= count.countedBytes).toBe(true);
  });
  await fc.assert(property, { numRuns: 300 });
});

test("a piece of any length has as many tokens as the tokeniser finds", async () => {
  // Few letters, so that pairs of one rank overlap, and are found again behind others.
  const letters = fc.constantFrom("ab", "aA", "=-", "กข", " \t", "etaoins", "éê");
  const piece = fc
    .tuple(letters, fc.integer({ min: 100, max: 1_000 }), fc.integer({ min: 1, max: 1 << 30 }))
    .map(([from, length, seed]) => {
      let state = seed;
      return Array.from({ length }, () => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return from[(state >> 16) % from.length];
      }).join("");
    });
  const property = fc.asyncProperty(piece, async (text) => {
    expect((await counter.count([text])).counted).toBe(theirCount(text));
  });
  await fc.assert(property, { numRuns: 150 });
});

test("texts that are counted at the same time do not disturb each other", async () => {
  // Of the same letters, so that they merge the same pairs.
  const texts = [50_003, 40_009, 30_011].map((length) => "=-==".repeat(length / 4) + "=");
  const alone: bigint[] = [];
  for (const text of texts) alone.push((await counter.count([text])).counted);
  const together = await Promise.all(texts.map((text) => counter.count([text])));
  expect(together.map(({ counted }) => counted)).toEqual(alone);
});

test("the vocabulary of older models has a count of its own", async () => {
  const property = fc.asyncProperty(anyText, async (text) => {
    const { counted } = await cl100k.count([text]);
    expect(counted).toBe(BigInt(countByCl100k(text, asText)));
  });
  await fc.assert(property, { numRuns: 200 });
});

/** Returns the bytes of the heap and of arrays that are in use after a collection. */
function usedBytes(kind: "heapUsed" | "arrayBuffers" = "heapUsed"): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage()[kind];
}

test("many long texts are counted with the memory of a few, which is then free again", async () => {
  const texts = Array.from({ length: 24 }, (_, at) => "=-==".repeat(8_192) + "=".repeat(at));
  const alone: bigint[] = [];
  for (const text of texts) alone.push((await counter.count([text])).counted);
  // A counter of its own, which has no lists yet.
  const fresh = await BytePairTokenCounter.load();
  const before = usedBytes("arrayBuffers");
  const state = { isDone: false };
  const counting = Promise.all(texts.map((text) => fresh.count([text])));
  const ended = counting.finally(() => (state.isDone = true));
  let most = 0;
  while (!state.isDone) {
    most = Math.max(most, usedBytes("arrayBuffers") - before);
    for (let turns = 0; turns < 16; turns += 1)
      await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await ended).map(({ counted }) => counted)).toEqual(alone);
  // The lists and arrays of one piece take 2.6 MB, those of all 62 MB. What the collector has not freed yet, and the arrays
  // of the test runner, count too.
  expect(most).toBeLessThan(25_000_000);
  await expect
    .poll(() => usedBytes("arrayBuffers") - before, { timeout: 10_000 })
    .toBeLessThan(12_000_000);
});

test("nothing of a text is kept after it was counted", async () => {
  // A piece of its own, which would keep the text alive, and words, which are cheap to count.
  const textOf = (number: number) => {
    const letters = String.fromCodePoint(97 + (number % 26), 97 + Math.floor(number / 26));
    return `authentication${letters}${" the".repeat(32 * 1_024)}`;
  };
  await counter.count([textOf(0)]);
  const before = usedBytes();
  for (let number = 1; number <= 40; number += 1) await counter.count([textOf(number)]);
  expect(usedBytes() - before).toBeLessThan(1_024 * 1_024);
});

describe("a text without a break", () => {
  const long: [string, string][] = [
    [
      "65,000 Thai characters",
      Array.from({ length: 65_000 }, (_, at) => thai[(at * 7 + (at >> 3)) % thai.length]).join(""),
    ],
    ["65,536 letters", "abcdefghijklmnop".repeat(4_096)],
    ["200,000 blanks before a word", `${" ".repeat(200_000)}end`],
  ];

  it.each(long)("lets others run while it is counted: %s", async (_, text) => {
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 0);
    const { counted, uncountedBytes } = await counter.count([text]);
    clearInterval(turning);
    expect(counted).toBeGreaterThan(0n);
    expect(uncountedBytes).toBe(0n);
    expect(turns).toBeGreaterThan(2);
  });
});

describe("texts beyond the limit of one request", () => {
  const word = "river ";
  const long = word.repeat((2 * countedBytesMax) / word.length);

  it("are bounded by their bytes, which the tokens never exceed", async () => {
    const count = await counter.count([long, "กขค"]);
    expect(count.countedBytes + count.uncountedBytes).toBe(BigInt(long.length + 9));
    expect(count.countedBytes).toBeLessThanOrEqual(BigInt(countedBytesMax));
    expect(count.counted + count.uncountedBytes).toBeGreaterThan(BigInt(long.length / word.length));
  });

  it("are likely to be as dense as what was counted", async () => {
    const words = BigInt(long.length / word.length);
    expect(tokensLikely(await counter.count([long]))).toBeGreaterThan(words - 10n);
    expect(tokensLikely(await counter.count([long]))).toBeLessThan(words + 10n);
  });

  it("are not counted, however they are divided", async () => {
    const count = await counter.count(Array.from({ length: 64 }, () => long.slice(0, 48 * 1_024)));
    expect(count.countedBytes).toBeLessThanOrEqual(BigInt(countedBytesMax));
    expect(count.uncountedBytes).toBeGreaterThan(0n);
  });
});

test("no text is likely to have no tokens", async () => {
  expect(tokensLikely(await counter.count([]))).toBe(0n);
  expect(tokensLikely(await counter.count(["", ""]))).toBe(0n);
});
