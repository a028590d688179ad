import { createHmac } from "node:crypto";
import { lengthPrefixed } from "@sluice/domain";
import type { Attribution } from "../generated/records.ts";
import { isSame } from "./request-signature.ts";

/** Who pays for a request, without the signature. */
export type Payer = Omit<Attribution, "signature">;

/** Distinguishes this use of a secret from all others. A change of the signed fields needs another label. */
const label = "sluice.attribution.v1";

/**
 * Returns the lower-case hex of HMAC-SHA256 over a label, tenant, team, feature, user, key id and request id. Each
 * field is preceded by its length in bytes, as in `hashOf`. The request id is covered, so that the signature of one
 * request is not valid on the records of another.
 */
export function attributionSignatureOf(
  { tenant, team, feature, user, key }: Payer,
  requestId: string,
  secret: string,
): string {
  const signed = lengthPrefixed([label, tenant, team, feature, user, key, requestId]);
  return createHmac("sha256", secret).update(signed).digest("hex");
}

/** Returns whether one of the secrets signed the attribution for this request. Compares in constant time. */
export function isAttributionSigned(
  attribution: Attribution,
  requestId: string,
  secrets: readonly string[],
): boolean {
  return secrets.some((secret) =>
    isSame(attribution.signature, attributionSignatureOf(attribution, requestId, secret)),
  );
}
