/**
 * Tokens of one attempt by class. The classes are disjoint: cached input is not
 * part of input, reasoning not part of output; a provider that nests them is
 * normalised in the adapter. `null` is missing: nobody said and nobody
 * estimated. A reported zero is zero.
 */
export interface TokenUsage {
  readonly inputTokens: bigint | null;
  readonly cachedInputTokens: bigint | null;
  readonly cacheWriteTokens: bigint | null;
  readonly outputTokens: bigint | null;
  readonly reasoningTokens: bigint | null;
  /** Further classes by the provider's own name. */
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

/** Every token that a provider counted, whatever its class. */
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
