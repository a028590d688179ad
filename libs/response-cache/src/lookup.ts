import type { InferenceRequested, Lookup, Requirements } from "@sluice/contracts";
import type { Complexity, EpochMillis } from "@sluice/domain";
import { cacheKeyOf, objectOf } from "./cache-key.ts";
import type { CacheEntry } from "./exact-cache.ts";

/** The operator's settings of the cache. */
export interface CachePolicy {
  readonly enabled: boolean;
  /** How long an answer may be served, in seconds. A request can only shorten it. */
  readonly ttlSeconds: number;
}

/** The policy if the operator declares none. */
export const defaultCachePolicy: CachePolicy = { enabled: true, ttlSeconds: 24 * 60 * 60 };

export type BypassReason = "disabled" | "no_store" | "refresh" | "temperature";

/** The only namespace until a tenant's cache can be divided. */
const namespace = "default";

/** Above this temperature, a client expects a different answer each time. */
const temperatureMax = 0.7;

/**
 * Decides before any read whether a request may read and fill the cache. `result` is bypass, with a
 * {@link BypassReason}, or miss, which {@link lookUp} may turn into a hit.
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

/** Facts about the variant that made an entry. */
export interface VariantFacts {
  /** The measured share of right answers, 0 to 1, by complexity; null: not measured. */
  readonly accuracy: Readonly<Record<Complexity, number | null>>;
}

export type VariantFactsOf = (variant: string) => VariantFacts | undefined;

/**
 * Returns whether the entry's variant has the required accuracy at the entry's complexity. A variant
 * that is undeclared or not measured does not meet a required accuracy. Requirements of latency and
 * cost are always met, because a hit costs nothing and takes milliseconds.
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
  /** A miss, or a bypass, for which the cache is not read. */
  | { readonly kind: "miss"; readonly lookup: Lookup };

/** Decides whether the entry under the request's key is a hit. It must be fresh, also by the request's own time to live. */
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
