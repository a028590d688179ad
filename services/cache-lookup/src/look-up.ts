import type { Decision, InferenceAdmitted, Lookup } from "@sluice/contracts";
import { type CachePolicy, lookupOf } from "@sluice/response-cache";

/** What ingress has asked already, or what there is to ask. */
export function lookupFor(admitted: InferenceAdmitted, policy: CachePolicy): Lookup {
  return admitted.lookup ?? lookupOf(admitted.request, policy);
}

/** Whether the store need be asked: what ingress looked up is not looked up again. */
export function isToBeFound(admitted: InferenceAdmitted, lookup: Lookup): boolean {
  return admitted.lookup === null && lookup.result === "miss";
}

/** How a miss or bypass is told with the response. */
export function decisionOf({ result, reason }: Lookup): Decision {
  return { stage: "cache-lookup", decision: result, reasons: reason === null ? [] : [reason] };
}
