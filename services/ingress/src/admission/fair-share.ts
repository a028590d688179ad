/** Something that all tenants use and of which there is a limited number: places, or work in flight. */
export interface Shared {
  /** How many there are. */
  readonly max: number;
  /** How many each tenant has in hand. Tenants that have none are absent or have 0. */
  readonly inHand: ReadonlyMap<string, number>;
  /** How many are in hand together. */
  readonly total: number;
  weightOf(this: void, tenant: string): number;
}

/**
 * Decides whether a tenant may take one more. Pure.
 *
 * While some are free, every tenant may: a tenant that is alone may use all. When none is free, a tenant below
 * its share still may, and a tenant that has its share may not. The share is the weighted part of `max` among the tenants that
 * have some in hand, and at least one. Nothing is taken from a tenant above its share, so for a while more than `max`
 * are in hand: with k tenants of one weight at most `max` × (1 + 1/2 + … + 1/k), which k tenants reach only if each one comes
 * when those before it have all.
 */
export function mayTake(tenant: string, shared: Shared): boolean {
  if (shared.total < shared.max) return true;
  const own = shared.inHand.get(tenant) ?? 0;
  return own + 1 <= Math.max(1, shareOf(tenant, shared));
}

function shareOf(tenant: string, { max, inHand, weightOf }: Shared): number {
  const weight = weightOf(tenant);
  let weights = weight;
  for (const [other, count] of inHand)
    if (count > 0 && other !== tenant) weights += weightOf(other);
  return (max * weight) / weights;
}
