/** The classes of input tokens. */
export const inputClasses = [
  "inputTokens",
  /** Read from the provider's prompt cache. */
  "cachedInputTokens",
  /** Written to the provider's prompt cache for its usual time. */
  "cacheWriteTokens",
  /** Written to the provider's prompt cache for an hour, which Anthropic bills at another rate. */
  "cacheWriteHourTokens",
] as const;

/** The classes of output tokens. */
export const outputClasses = ["outputTokens", "reasoningTokens"] as const;

/** The classes of tokens that have a rate of their own. Sums and types are made from this list, so that none misses a class. */
export const tokenClasses = [...inputClasses, ...outputClasses] as const;

export type TokenClass = (typeof tokenClasses)[number];

/**
 * The tokens of one attempt by class. The classes are disjoint: cached input is not part of input,
 * and reasoning is not part of output. The adapter normalises the usage of providers that nest them.
 * `null` means that the number was neither reported nor estimated. A reported zero is zero.
 */
export interface TokenUsage extends Readonly<Record<TokenClass, bigint | null>> {
  /** Other classes, by the provider's own names. */
  readonly otherTokens: Readonly<Record<string, bigint>>;
}

export const noUsage: TokenUsage = {
  inputTokens: 0n,
  cachedInputTokens: 0n,
  cacheWriteTokens: 0n,
  cacheWriteHourTokens: 0n,
  outputTokens: 0n,
  reasoningTokens: 0n,
  otherTokens: {},
};

/** Returns the input tokens of all classes. Prices for long inputs depend on it. */
export function allInputOf(usage: TokenUsage): bigint {
  return sumOf(inputClasses.map((name) => usage[name]));
}

/** Returns the output tokens of both classes. */
export function allOutputOf(usage: TokenUsage): bigint {
  return sumOf(outputClasses.map((name) => usage[name]));
}

/** Returns the sum of the tokens of all classes. */
export function totalTokensOf(usage: TokenUsage): bigint {
  return allInputOf(usage) + allOutputOf(usage) + sumOf(Object.values(usage.otherTokens));
}

function sumOf(counts: readonly (bigint | null)[]): bigint {
  return counts.reduce<bigint>((sum, tokens) => sum + (tokens ?? 0n), 0n);
}
