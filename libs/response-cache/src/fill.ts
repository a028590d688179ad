import type { Choice, InferenceResponded } from "@sluice/contracts";
import type { Fill } from "./exact-cache.ts";

/**
 * Returns whether the answer of an outcome may be cached. Only a provider's complete answer may: not
 * an error, a refusal, a filtered answer, an answer cut by a limit, a tool call (whose result changes
 * over time), or a hit (which would extend itself indefinitely). Embeddings are always complete.
 */
export function isFillable({ outcome, completed, lookup }: InferenceResponded): boolean {
  if (outcome !== "completed" || !completed || !lookup?.fills) return false;
  if (completed.cache !== "miss" && completed.cache !== "bypass") return false;
  const { choices, cut, embeddings } = completed.answer;
  if (embeddings.length > 0) return !cut;
  return !cut && choices.length > 0 && choices.every(isWhole);
}

/** Returns the entry to store for an outcome, or null if it may not be cached. */
export function fillOf(outcome: InferenceResponded): Fill | null {
  const { completed, lookup, completedAt, requestId, attribution } = outcome;
  if (!isFillable(outcome) || !completed || !lookup) return null;
  const { namespace, cacheKey, ttlSeconds } = lookup;
  return {
    address: { tenant: attribution.tenant, namespace, cacheKey },
    entry: { completed, completedAt, expiresAt: completedAt + ttlSeconds * 1000, requestId },
  };
}

function isWhole({ content, refusal, toolCalls, finishReason }: Choice): boolean {
  // An empty text is the mishap of a provider, and would be repeated as long as the entry lives.
  return (
    Boolean(content?.trim()) && refusal === null && toolCalls === null && finishReason === "stop"
  );
}
