import type { EpochMillis } from "@sluice/domain";
import { mayTake } from "../admission/fair-share.ts";
import { type Refusal, refused } from "../request/refusal.ts";

/** How long a tenant counts as one that sends requests after its last one, in milliseconds. */
const sendsForMs = 60_000;
/** When a request that was shed may be sent again, in milliseconds. What is in flight needs some seconds. */
const retryAfterMs = 5_000;

/** The tenants that send requests, whose work in flight has to be known to share it. */
export class SendingTenants {
  readonly #lastSentAt = new Map<string, EpochMillis>();

  /** Notes the tenants of a slice, and returns all that have sent something lately. */
  seen(tenants: readonly string[], now: EpochMillis): readonly string[] {
    for (const tenant of tenants) this.#lastSentAt.set(tenant, now);
    for (const [tenant, at] of this.#lastSentAt)
      if (at + sendsForMs < now) this.#lastSentAt.delete(tenant);
    return [...this.#lastSentAt.keys()];
  }
}

/** What was in flight when a slice was read. */
export interface InFlight {
  readonly max: number;
  readonly byTenant: ReadonlyMap<string, number>;
  weightOf(this: void, tenant: string): number;
}

/**
 * Returns which requests of a slice are shed, as they follow each other: those of a tenant that has its share of the work in
 * flight while as much is in flight as may be. Each request that is not shed is in flight for those after it. Pure.
 *
 * @param tenants the tenant of each request
 */
export function shedIn(
  tenants: readonly string[],
  { max, byTenant, weightOf }: InFlight,
): readonly boolean[] {
  const inHand = new Map(byTenant);
  let total = [...inHand.values()].reduce((sum, count) => sum + count, 0);
  return tenants.map((tenant) => {
    if (!mayTake(tenant, { max, inHand, total, weightOf })) return true;
    inHand.set(tenant, (inHand.get(tenant) ?? 0) + 1);
    total += 1;
    return false;
  });
}

export function shedRefusal(tenant: string): Refusal {
  const reason = `The tenant "${tenant}" has its share of the work in flight. Send the request again later, with a new id.`;
  return { ...refused("shed", reason, null), retryAfterMs };
}
