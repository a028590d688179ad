import type { InferenceRequested, Lookup, Requirements } from "@sluice/contracts";
import type { Complexity, EpochMillis } from "@sluice/domain";
import { cacheKeyOf, objectOf } from "./cache-key.ts";
import type { CacheEntry } from "./exact-cache.ts";

/** What the operator allows. */
export interface CachePolicy {
  readonly enabled: boolean;
  /** How long an answer may be served at most; a request can only ask for less. */
  readonly ttlSeconds: number;
}

/** Where the operator has declared nothing. */
export const defaultCachePolicy: CachePolicy = { enabled: true, ttlSeconds: 24 * 60 * 60 };

export type BypassReason = "disabled" | "no_store" | "refresh" | "temperature";

/** The namespace where nothing divides a tenant's cache. */
const namespace = "default";

/** Above this the caller wants another answer each time. */
const temperatureMax = 0.7;

/**
 * What may be done with the cache for a request, before anything was read:
 * `result` is bypass, with a {@link BypassReason}, or miss, which {@link lookUp}
 * may turn into a hit.
 */
export function lookupOf(request: InferenceRequested, policy: CachePolicy): Lookup {
  const reason = bypassReasonOf(request, policy);
  const ttlSeconds = Math.min(request.cache.ttlSeconds ?? policy.ttlSeconds, policy.ttlSeconds);
  return {
    result: reason === null ? "miss" : "bypass",
    cacheKey: cacheKeyOf(request),
    namespace,
    fills: (reason === null || reason === "refresh") && ttlSeconds > 0,
    ttlSeconds: Math.max(0, ttlSeconds),
    reason,
  };
}

function bypassReasonOf(request: InferenceRequested, policy: CachePolicy): BypassReason | null {
  const { mode } = request.cache;
  if (!policy.enabled) return "disabled";
  if (mode === "no_store") return "no_store";
  const { temperature } = objectOf(request.parameters);
  if (mode !== "use" && typeof temperature === "number" && temperature > temperatureMax)
    return "temperature";
  return mode === "refresh" ? "refresh" : null;
}

/** What is known of the variant that made an entry. */
export interface VariantFacts {
  /** Measured share of right answers, 0 to 1; null: not measured. */
  readonly accuracy: Readonly<Record<Complexity, number | null>>;
}

export type VariantFactsOf = (variant: string) => VariantFacts | undefined;

/**
 * Whether the entry's variant answers requests of the entry's complexity as
 * accurately as is demanded; a variant that is not declared, or not measured,
 * satisfies no demand. Latency and cost are always satisfied: a hit costs
 * nothing and takes milliseconds.
 */
export function satisfies(
  entry: CacheEntry,
  { requiredAccuracy }: Pick<Requirements, "requiredAccuracy">,
  factsOf: VariantFactsOf,
): boolean {
  if (requiredAccuracy === null) return true;
  const { variant, complexity } = entry.completed;
  const accuracy = factsOf(variant)?.accuracy[complexity] ?? null;
  return accuracy !== null && accuracy >= requiredAccuracy;
}

export type Found =
  | { readonly kind: "exact-hit"; readonly lookup: Lookup; readonly entry: CacheEntry }
  /** A miss, or a bypass that never was to be read. */
  | { readonly kind: "miss"; readonly lookup: Lookup };

/** The decision, given what stands under the request's key: it must be fresh, also by this request's own time to live. */
export function lookUp(
  request: InferenceRequested,
  lookup: Lookup,
  entry: CacheEntry | undefined,
  factsOf: VariantFactsOf,
  now: EpochMillis,
): Found {
  if (lookup.result !== "miss" || !entry) return { kind: "miss", lookup };
  const staleAt = Math.min(entry.expiresAt, entry.completedAt + lookup.ttlSeconds * 1000);
  if (now >= staleAt || !satisfies(entry, request.requirements, factsOf))
    return { kind: "miss", lookup };
  return { kind: "exact-hit", entry, lookup: { ...lookup, result: "exact" } };
}
