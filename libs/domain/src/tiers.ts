/** Class of model by capability and price, cheapest first. */
export const tiers = ["economy", "standard", "premium"] as const;
export type Tier = (typeof tiers)[number];

/** How hard a request is, easiest first. */
export const complexities = ["simple", "medium", "complex"] as const;
export type Complexity = (typeof complexities)[number];

export function isTier(text: string): text is Tier {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- that is what it finds out
  return tiers.includes(text as Tier);
}

/** The tier that a complexity asks for when nothing else is required. */
export const tierFor: Readonly<Record<Complexity, Tier>> = {
  simple: "economy",
  medium: "standard",
  complex: "premium",
};
