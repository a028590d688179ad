import type { Declarations } from "@sluice/declarations";

/** Whether no provider can be paid. The demo runs unasked, so it must never cost anybody anything. */
export function isSimulatedOnly(declarations: Declarations): boolean {
  return declarations.providers().every(({ simulated }) => simulated);
}

/** @returns the variant to compare with: the first of the premium tier. */
export function premiumOf(declarations: Declarations): string {
  const premium = declarations.variants().find(({ tier }) => tier === "premium");
  if (premium) return premium.id;
  throw new Error("sluice.yaml declares no premium model to compare with");
}
