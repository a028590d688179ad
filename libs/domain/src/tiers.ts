/** The classes of models by capability and price, the cheapest first. */
export const tiers = ["economy", "standard", "premium"] as const;
export type Tier = (typeof tiers)[number];

/** The degrees of difficulty of a request, the easiest first. */
export const complexities = ["simple", "medium", "complex"] as const;
export type Complexity = (typeof complexities)[number];

export function isTier(text: string): text is Tier {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the function checks it
  return tiers.includes(text as Tier);
}

/** The tier for each complexity, if the request has no requirements. */
export const tierFor: Readonly<Record<Complexity, Tier>> = {
  simple: "economy",
  medium: "standard",
  complex: "premium",
};
