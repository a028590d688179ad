/** Port: counts tokens as a model's tokeniser would, roughly. */
export abstract class TokenCounter {
  /** Never throws; the first call may take longer, as the vocabulary is loaded. */
  abstract count(texts: readonly string[]): Promise<bigint>;
}
