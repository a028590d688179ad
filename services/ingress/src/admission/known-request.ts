import type { Admitted, KnownRequest } from "@sluice/request-state";

/** What Redis knows of a request id. */
export type Known =
  | { readonly kind: "nothing" }
  /** `admitted` is the record that was admitted first. */
  | ({ readonly kind: "same-body" } & Omit<KnownRequest, "bodyHash">)
  | { readonly kind: "another-body" };

export const nothingKnown: Known = { kind: "nothing" };

/** Returns what a look-up found; null means that the id is unknown. */
export function knownByLookUp(found: KnownRequest | null | undefined, bodyHash: string): Known {
  if (!found) return nothingKnown;
  if (found.bodyHash !== bodyHash) return { kind: "another-body" };
  return { ...found, kind: "same-body" };
}

/** Returns what was known before Redis was asked to admit the request. */
export function knownByClaim(result: Admitted): Known {
  switch (result.kind) {
    case "first":
      return nothingKnown;
    case "repeat":
      return { ...result, kind: "same-body" };
    case "conflict":
      return { kind: "another-body" };
    default:
      return result satisfies never;
  }
}
