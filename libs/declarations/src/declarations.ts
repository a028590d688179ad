import type { Complexity, PriceBook, Tier } from "@sluice/domain";

/** Who a key belongs to. Everything that is charged to it is attributed so. */
export interface ApiKey {
  readonly id: string;
  readonly tenant: string;
  readonly team: string;
  readonly feature: string;
  readonly user: string;
  readonly revoked: boolean;
  /** `env:` or `file:`; only ingress resolves it. */
  readonly secretReference: string;
}

export interface Provider {
  readonly id: string;
  readonly baseUrl: string;
  /** `env:` or `file:`; only the adapter resolves them. */
  readonly keyReferences: readonly string[];
  readonly simulated: boolean;
}

/** One model as served. */
export interface Variant {
  readonly id: string;
  readonly provider: string;
  /** Name under which the provider serves it. */
  readonly model: string;
  readonly tier: Tier;
  readonly quantisation: string | null;
  /** Tokens of input and output together; where it makes embeddings, those of one input. */
  readonly contextWindow: number;
  /** Numbers of an embedding, where the model makes embeddings; null for one that chats. No model does both. */
  readonly dimensions: number | null;
  /** Measured share of right answers, 0 to 1; null: not measured. */
  readonly accuracy: Readonly<Record<Complexity, number | null>>;
  readonly p95LatencyMs: number | null;
}

export interface CachePolicy {
  readonly enabled: boolean;
  readonly ttlSeconds: number;
}

/** Port: what an operator has declared. The only source of tenants, keys, models and prices. */
export abstract class Declarations {
  abstract keys(): readonly ApiKey[];
  abstract providers(): readonly Provider[];
  abstract variants(): readonly Variant[];
  abstract variantOf(id: string): Variant | undefined;
  abstract priceBook(): PriceBook;
  /** Most tokens of an answer where the caller set none. */
  abstract outputLimitOf(tier: Tier): number;
  abstract cachePolicyOf(tenant: string): CachePolicy;
  /** The secret behind a reference. @throws DeclarationsInvalid naming the reference, never the secret. */
  abstract secretOf(reference: string): string;
}
