import type { CostCharged, Usage } from "@sluice/contracts";

/**
 * The number of a charge within its partition of cost.metered, from 1, in the order of the ledger's transactions. It does
 * not depend on the offsets of the topic, which can be created again.
 */
export interface ChargeNumber {
  readonly partition: number;
  readonly sequence: bigint;
}

/** A charge, with the fields that the ledger stores and does not publish. */
export interface LedgerEntry {
  readonly charge: CostCharged;
  /** The number of the attempt from 1, or 0 for a hit. */
  readonly attemptNumber: number;
  /** The estimated usage that this charge replaces; null if it is the first charge of its attempt. */
  readonly replaces: Usage | null;
}
