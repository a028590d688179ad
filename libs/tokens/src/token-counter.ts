/**
 * How many tokens some texts have. The sum of `counted` and `uncountedBytes` is never below the number of tokens: a
 * token of a byte-level tokeniser has at least one byte.
 */
export interface TokenCount {
  /** The tokens of the part that was counted. */
  readonly counted: bigint;
  /** The UTF-8 bytes of that part. */
  readonly countedBytes: bigint;
  /** The UTF-8 bytes of the rest, which was too long to be counted. */
  readonly uncountedBytes: bigint;
}

/** Port: counts tokens as the tokeniser of a model does. */
export abstract class TokenCounter {
  /** Counts all texts together, each for itself. Never throws. */
  abstract count(texts: readonly string[]): Promise<TokenCount>;
}

/** Returns the likely number of tokens, if the rest is like the part that was counted. */
export function tokensLikely({ counted, countedBytes, uncountedBytes }: TokenCount): bigint {
  if (countedBytes === 0n) return counted + uncountedBytes;
  return counted + (counted * uncountedBytes) / countedBytes;
}
