import { type Attribution, attributionSignatureOf } from "@sluice/contracts";
import type { ApiKey } from "@sluice/declarations";

/**
 * Returns who pays for a request, by the declaration of its key, with the signature by which the cost accountant
 * recognises it. The same request always has the same signature, so a repeat has the same record.
 */
export function attributionOf(
  { id, tenant, team, feature, user }: ApiKey,
  requestId: string,
  secret: string,
): Attribution {
  const payer = { tenant, team, feature, user, key: id };
  return { ...payer, signature: attributionSignatureOf(payer, requestId, secret) };
}
