import type { CostCharged } from "@sluice/contracts";

const hourMs = 60 * 60 * 1000;

/** The dimensions by which spend is summed, and where a charge has their values. */
const valueOf = {
  tenant: ({ attribution }) => attribution.tenant,
  team: ({ attribution }) => attribution.team,
  feature: ({ attribution }) => attribution.feature,
  user: ({ attribution }) => attribution.user,
  key: ({ attribution }) => attribution.key,
  variant: ({ variant }) => variant,
  provider: ({ provider }) => provider,
  model: ({ model }) => model,
  tier: ({ tier }) => tier,
  complexity: ({ complexity }) => complexity,
  cache: ({ cache }) => cache,
  lane: ({ lane }) => lane,
  hour: ({ calledAt }) => new Date(Math.floor(calledAt / hourMs) * hourMs).toISOString(),
} as const satisfies Record<string, (charge: CostCharged) => string>;

export type Dimension = keyof typeof valueOf;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
export const dimensions = Object.keys(valueOf) as readonly Dimension[];

/** Whether the text is the name of a dimension. */
export function isDimension(text: string): text is Dimension {
  return Object.hasOwn(valueOf, text);
}

/** Returns the value of a dimension of a charge. */
export function dimensionOf(charge: CostCharged, dimension: Dimension): string {
  return valueOf[dimension](charge);
}

/** Whether a time is a whole hour. Sums are kept by hour, so a query cannot be finer. */
export function isWholeHour(time: number): boolean {
  return time % hourMs === 0;
}
