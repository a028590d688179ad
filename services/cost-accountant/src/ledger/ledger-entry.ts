import type { CostCharged, Usage } from "@sluice/contracts";

/** A charge, with the fields that the ledger stores and does not publish. */
export interface LedgerEntry {
  readonly charge: CostCharged;
  /** The number of the attempt from 1, or 0 for a hit. */
  readonly attemptNumber: number;
  /** The estimated usage that this charge replaces; null if it is the first charge of its attempt. */
  readonly replaces: Usage | null;
}
