import { type Attribution, attributionSignatureOf, isAttributionSigned } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { AccountantFaultCode } from "../faults.ts";

/** Whose signatures the accountant accepts. */
export interface AttributionTrust {
  /** The secret that ingress signs with. */
  readonly secret: string;
  /** Secrets that ingress signed with before. */
  readonly previousSecrets: readonly string[];
  /** Records without a signature are accepted if they were appended before this time; null: never. */
  readonly unsignedUntil: EpochMillis | null;
}

/** The injection token of {@link AttributionTrust}. */
export const ATTRIBUTION_TRUST = Symbol("secrets of signed attributions");

/** A record that names who pays for a request. */
export interface AttributedRecord {
  readonly requestId: string;
  readonly attribution: Attribution;
}

/** Why a record is not believed. */
export interface AttributionProblem {
  readonly kind: "dead-letter";
  readonly code: Extract<AccountantFaultCode, "ATTRIBUTION_MISMATCH" | "ATTRIBUTION_UNSIGNED">;
  readonly reason: string;
}

/**
 * Returns why nothing may be charged by a record; undefined if ingress signed its attribution for this request, or if
 * it is a record of an older version that is still accepted. Pure.
 *
 * @param at when the record was appended to its topic. A later fold of the same messages decides the same.
 */
export function attributionProblemOf(
  { attribution, requestId }: AttributedRecord,
  { secret, previousSecrets, unsignedUntil }: AttributionTrust,
  at: EpochMillis,
): AttributionProblem | undefined {
  if (attribution.signature === "") {
    if (unsignedUntil !== null && at < unsignedUntil) return undefined;
    return {
      kind: "dead-letter",
      code: "ATTRIBUTION_UNSIGNED",
      reason:
        "The attribution has no signature. If version 0.1.0 wrote the record, set SLUICE_ATTRIBUTION_UNSIGNED_UNTIL to a time in the future, then replay this dead letter.",
    };
  }
  if (isAttributionSigned(attribution, requestId, [secret, ...previousSecrets])) return undefined;
  return {
    kind: "dead-letter",
    code: "ATTRIBUTION_MISMATCH",
    reason:
      "The signature of the attribution is not that of ingress. Another program wrote or changed the record, or ingress has another SLUICE_ATTRIBUTION_SECRET than the cost accountant.",
  };
}

/**
 * Returns the attribution of an intent that the accountant has stored, with a signature that its own charge stage
 * accepts. The intent was checked before it was stored. Its signature may be missing or may have expired in the
 * meantime, and the estimate of the attempt would then become a dead letter in each sweep.
 */
export function vouchedAttributionOf(
  intent: AttributedRecord,
  { secret, previousSecrets }: AttributionTrust,
): Attribution {
  const { attribution, requestId } = intent;
  if (isAttributionSigned(attribution, requestId, [secret, ...previousSecrets])) return attribution;
  return { ...attribution, signature: attributionSignatureOf(attribution, requestId, secret) };
}
