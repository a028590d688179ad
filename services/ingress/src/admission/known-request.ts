import type { Admitted, Repeated } from "@sluice/request-state";

/** What Redis knows of a request id. */
export type Known = { readonly kind: "nothing" } | Repeated;

export const nothingKnown: Known = { kind: "nothing" };

/** Returns what a look-up found; null means that the id is unknown. */
export function knownByLookUp(found: Repeated | null | undefined): Known {
  return found ?? nothingKnown;
}

/** Returns what was known before Redis was asked to admit the request. */
export function knownByClaim(result: Admitted): Known {
  return result.kind === "first" ? nothingKnown : result;
}
