import type { Choice, InferenceResponded } from "@sluice/contracts";
import type { Fill } from "./exact-cache.ts";

/**
 * Only a provider's own, whole answer is worth repeating: no error, refusal or
 * filtered answer, none cut by its limit or by ours, no tool call (its result
 * depends on the world), and no hit, which would prolong itself for ever.
 * Embeddings are whole or were never an answer.
 */
export function isFillable({ outcome, completed, lookup }: InferenceResponded): boolean {
  if (outcome !== "completed" || !completed || !lookup?.fills) return false;
  if (completed.cache !== "miss" && completed.cache !== "bypass") return false;
  const { choices, cut, embeddings } = completed.answer;
  if (embeddings.length > 0) return !cut;
  return !cut && choices.length > 0 && choices.every(isWhole);
}

/** What to store of an outcome; null for nothing. */
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
  return content !== null && refusal === null && toolCalls === null && finishReason === "stop";
}
