import { BytePairTokenCounter } from "@sluice/tokens";

/** Returns how many tokens the vocabulary of OpenAI's current models makes of the texts, each for itself. */
export async function countedTokens(texts: readonly string[]): Promise<bigint> {
  counter ??= BytePairTokenCounter.load("o200k", Number.MAX_SAFE_INTEGER);
  return (await (await counter).count(texts)).counted;
}

let counter: Promise<BytePairTokenCounter> | undefined;
