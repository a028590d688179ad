import type { CacheResult, Tier } from "@sluice/contracts";

/** The `choices` of one chunk of a streamed answer in OpenAI's format, as the provider sent them. */
export type ChunkChoices = readonly object[];

/**
 * One entry of a live reply stream, from the adapter to ingress. It has several chunks if the
 * provider was faster than the store. Each entry has variant and tier, because ingress sends them
 * with the first token that it reads.
 */
export interface TokenPayload {
  readonly variant: string;
  readonly tier: Tier;
  readonly cache: CacheResult;
  readonly systemFingerprint: string | null;
  readonly chunks: readonly ChunkChoices[];
}

/** Encodes an entry as JSON. */
export function encodeTokens(payload: TokenPayload): string {
  return JSON.stringify(payload);
}

/** Decodes the text of {@link encodeTokens}. */
export function decodeTokens(text: string): TokenPayload {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only encodeTokens writes it
  return JSON.parse(text) as TokenPayload;
}
