import type { Declarations } from "@sluice/declarations";

/** Returns whether all providers are simulated. The demo runs without being asked, so it must never cost money. */
export function isSimulatedOnly(declarations: Declarations): boolean {
  return declarations.providers().every(({ simulated }) => simulated);
}

/** Returns the id of the variant to compare with: the first of the premium tier. */
export function premiumOf(declarations: Declarations): string {
  const premium = declarations.variants().find(({ tier }) => tier === "premium");
  if (premium) return premium.id;
  throw new Error("sluice.yaml declares no model of the premium tier to compare with.");
}
