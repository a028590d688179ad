/**
 * The tokens of one attempt by class. The classes are disjoint: cached input is not part of input,
 * and reasoning is not part of output. The adapter normalises the usage of providers that nest them.
 * `null` means that the number was neither reported nor estimated. A reported zero is zero.
 */
export interface TokenUsage {
  readonly inputTokens: bigint | null;
  readonly cachedInputTokens: bigint | null;
  readonly cacheWriteTokens: bigint | null;
  readonly outputTokens: bigint | null;
  readonly reasoningTokens: bigint | null;
  /** Other classes, by the provider's own names. */
  readonly otherTokens: Readonly<Record<string, bigint>>;
}

export const noUsage: TokenUsage = {
  inputTokens: 0n,
  cachedInputTokens: 0n,
  cacheWriteTokens: 0n,
  outputTokens: 0n,
  reasoningTokens: 0n,
  otherTokens: {},
};

/** Returns the sum of the tokens of all classes. */
export function totalTokensOf(usage: TokenUsage): bigint {
  const named = [
    usage.inputTokens,
    usage.cachedInputTokens,
    usage.cacheWriteTokens,
    usage.outputTokens,
    usage.reasoningTokens,
    ...Object.values(usage.otherTokens),
  ];
  return named.reduce<bigint>((sum, tokens) => sum + (tokens ?? 0n), 0n);
}
