import type { CostMetered } from "@sluice/contracts";

/** Whether the usage is known and zero, as that of an attempt that was refused or never called. */
export function costsNothing({ kind, reason }: CostMetered): boolean {
  return kind === "reported" && (reason === "refused" || reason === "released");
}
