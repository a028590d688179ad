import type { Decision, InferenceAdmitted, Lookup } from "@sluice/contracts";
import { type CachePolicy, lookupOf } from "@sluice/response-cache";

/** Returns the lookup that ingress has made, or else the one to make now. */
export function lookupFor(admitted: InferenceAdmitted, policy: CachePolicy): Lookup {
  return admitted.lookup ?? lookupOf(admitted.request, policy);
}

/** Whether the cache has to be read: a request that ingress has looked up is not looked up again. */
export function needsEntry(admitted: InferenceAdmitted, lookup: Lookup): boolean {
  return admitted.lookup === null && lookup.result === "miss";
}

/** Returns the decision that the response shows for a miss or bypass. */
export function decisionOf({ result, reason }: Lookup, version: bigint): Decision {
  return {
    stage: "cache-lookup",
    decision: result,
    reasons: reason === null ? [] : [reason],
    version,
  };
}
