import type { Budget, Complexity, PriceBook, Selector, Tier } from "@sluice/domain";
import type { LimitDimension } from "./limits/limits-schema.ts";

/** The owner of a key, to whom every charge of the key is attributed. */
export interface ApiKey {
  readonly id: string;
  readonly tenant: string;
  readonly team: string;
  readonly feature: string;
  readonly user: string;
  readonly revoked: boolean;
  /** The users and features that a request may name, as names or patterns in which `*` is any number of characters. */
  readonly mayName: { readonly user: readonly string[]; readonly feature: readonly string[] };
  /** A reference, `env:` or `file:`, which only ingress resolves. */
  readonly secretReference: string;
}

/** The API that a provider serves: OpenAI's chat completions and embeddings, or Anthropic's messages. */
export type Protocol = "openai" | "anthropic";

export interface Provider {
  readonly id: string;
  readonly protocol: Protocol;
  readonly baseUrl: string;
  /** References, `env:` or `file:`, which only the adapter resolves. */
  readonly keyReferences: readonly string[];
  readonly simulated: boolean;
}

/** In what the API of a provider differs from others with its protocol, for one model. */
export interface Dialect {
  /** The name of the output limit; null for the name that the client used. */
  readonly outputLimitParameter: "max_tokens" | "max_completion_tokens" | null;
  /** Whether `stream_options` is understood. Without it most providers report no usage of a stream. */
  readonly streamOptions: boolean;
  /** The encoding in which embeddings are requested. Base64 keeps all bits, and takes a quarter of the bytes. */
  readonly embeddingEncoding: "base64" | "float";
  /** Whether the reasoning that a history has is sent. Some models require theirs, and strict servers refuse it. */
  readonly reasoningInHistory: boolean;
  /** The names of members that a request may have in addition to those of OpenAI's API. */
  readonly requestMembers: readonly string[];
  /** The names of members of an answer's message that are kept, in addition to those of OpenAI's API. */
  readonly answerMembers: readonly string[];
  /** When Anthropic is asked to cache a prompt; null for never, and for OpenAI's protocol. */
  readonly promptCache: PromptCache | null;
  /** How Anthropic receives the reasoning effort: as a budget of tokens, or by its name. */
  readonly thinking: "budget" | "effort";
}

export interface PromptCache {
  /** The length from which a prompt is cached. Each model has a least length, below which it caches nothing. */
  readonly minTokens: number;
  /** How long a cached prompt is kept. A write for an hour is more expensive than one for five minutes. */
  readonly duration: "5m" | "1h";
}

/** One model as a provider serves it. */
export interface Variant {
  readonly id: string;
  readonly provider: string;
  /** The name under which the provider serves the model. */
  readonly model: string;
  readonly tier: Tier;
  readonly quantisation: string | null;
  /** Tokens of input and output together; for an embedding model, the tokens of one input. */
  readonly contextWindow: number;
  /** The most tokens that the provider charges for one picture. */
  readonly pictureTokensMax: number;
  /** By how many percent more tokens the model's tokeniser may need for a text than the vocabularies of OpenAI. */
  readonly tokenMarginPercent: number;
  /** How many numbers an embedding has; null for a chat model. No model does both. */
  readonly dimensions: number | null;
  /** Measured share of right answers, 0 to 1; null if it was not measured. */
  readonly accuracy: Readonly<Record<Complexity, number | null>>;
  readonly p95LatencyMs: number | null;
  /** How long the model may be silent before its answer begins; null if it is not declared. */
  readonly timeToFirstByteMs: number | null;
  /** Whether the model reasons and does not show it, so that what was seen of an answer is not all that is billed. */
  readonly hidesReasoning: boolean;
  readonly dialect: Dialect;
}

/** The names of additional members that the dialect of some model has. */
export interface AdditionalMembers {
  readonly requestMembers: ReadonlySet<string>;
  readonly answerMembers: ReadonlySet<string>;
}

export interface CachePolicy {
  readonly enabled: boolean;
  readonly ttlSeconds: number;
}

/** What requests of a tenant may do, alone or together. */
export interface Limit {
  /** For a message to the client: the declared id, or the key that has the limit. */
  readonly id: string;
  readonly selector: Selector<LimitDimension>;
  /** The dimensions of which each combination of values has a limit of its own. */
  readonly each: readonly LimitDimension[];
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** The most requests that run at the same time. */
  readonly concurrency: number | null;
}

/**
 * Port: gives what an operator has declared. The only source of tenants, keys, models and prices. The declarations may
 * change between two calls, so a consumer keeps nothing of them, or derives it again with `perVersion`.
 */
export abstract class Declarations {
  /** Returns the version that every other method answers from; 0 for declarations without versions. Never decreases. */
  abstract version(): bigint;
  abstract keys(): readonly ApiKey[];
  /** Returns the tenants that have their own topics of outcomes and charges. */
  abstract tenantsWithTopics(): ReadonlySet<string>;
  abstract providers(): readonly Provider[];
  abstract variants(): readonly Variant[];
  abstract variantOf(id: string): Variant | undefined;
  /** Returns what a request, and the history in it, may have in addition to the members of OpenAI's API. */
  abstract additionalMembers(): AdditionalMembers;
  abstract priceBook(): PriceBook;
  /** Returns the most tokens of an answer if the request sets no limit. */
  abstract outputLimitOf(tier: Tier): number;
  abstract cachePolicyOf(tenant: string): CachePolicy;
  /** Returns the ids of all tenants. */
  abstract tenants(): readonly string[];
  /** Returns the budgets of a tenant and those that every tenant has, in the order of their declaration. */
  abstract budgetsOf(tenant: string): readonly Budget[];
  /** Returns the time zone in which the tenant's periods begin, by its name in the IANA database. */
  abstract timeZoneOf(tenant: string): string;
  /** Returns the weight of a tenant's share in what all tenants use; 1 for an unknown tenant. */
  abstract weightOf(tenant: string): number;
  /** Returns the limits that may select a request of the key: its own, those of its tenant, and those that every tenant has. */
  abstract limitsOf(tenant: string, key: string): readonly Limit[];
  /** Returns how often one key may send the same prompt within a minute; 0: as often as it likes. */
  abstract samePromptPerMinute(): number;
  /**
   * Returns the secret of each API key, by the key's id.
   *
   * @throws DeclarationsInvalid that names every key whose secret is missing or too short, and its reference
   */
  abstract keySecrets(): ReadonlyMap<string, string>;
  /**
   * Returns the secret of one API key.
   *
   * @throws DeclarationsInvalid if it is missing or too short
   */
  abstract secretOfKey(key: ApiKey): string;
  /**
   * Returns the secret behind a reference.
   *
   * @throws DeclarationsInvalid that names the reference, never the secret
   */
  abstract secretOf(reference: string): string;
}
