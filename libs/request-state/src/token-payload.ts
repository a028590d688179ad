import type { CacheResult, Tier } from "@sluice/contracts";

/** One chunk of a streamed answer: the `choices` of OpenAI's chunk, as the provider sent them. */
export type ChunkChoices = readonly object[];

/**
 * What one entry of a live reply stream carries, from the adapter to ingress:
 * several chunks at once where the provider was faster than the store. Variant
 * and tier are in each, so that the reader can name them with its first token.
 */
export interface TokenPayload {
  readonly variant: string;
  readonly tier: Tier;
  readonly cache: CacheResult;
  readonly systemFingerprint: string | null;
  readonly chunks: readonly ChunkChoices[];
}

export function encodeTokens(payload: TokenPayload): string {
  return JSON.stringify(payload);
}

/** Reads what {@link encodeTokens} wrote. */
export function decodeTokens(text: string): TokenPayload {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by encodeTokens alone
  return JSON.parse(text) as TokenPayload;
}
