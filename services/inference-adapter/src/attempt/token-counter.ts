/** Port: counts tokens roughly as the tokeniser of a model does. */
export abstract class TokenCounter {
  /**
   * Returns the sum over all texts. Never throws. The first call takes longer, as it loads the
   * vocabulary.
   */
  abstract count(texts: readonly string[]): Promise<bigint>;
}
