/** The codes of this service. Pricing adds the codes of `@sluice/domain` (`PriceFaultCode`). */
export type AccountantFaultCode =
  /** Dead letter: the signature of the attribution is not that of ingress. */
  | "ATTRIBUTION_MISMATCH"
  /** Dead letter: the attribution has no signature, and older records are not accepted any more. */
  | "ATTRIBUTION_UNSIGNED"
  /** Dead letter: there is no declared price for the variant at the time of the call. */
  | "PRICE_UNKNOWN"
  /** Dead letter: the tokens, the time or the price are impossible. */
  | "CHARGE_INVALID"
  /** Outage: the database of the ledger is unavailable. */
  | "LEDGER_UNAVAILABLE"
  /** Outage: another writer has charged one of the attempts, so the slice is folded again. */
  | "LEDGER_CONTENDED"
  /** Dead letter: the database cannot store a value. */
  | "LEDGER_REFUSED"
  /** Log and metric: the sweep threw an unexpected error. The next sweep tries again. */
  | "SWEEP_DEFECT"
  /** Log and metric: the announced attempts are not stored in time. The next round begins the rebuild again. */
  | "REBUILD_INTENTS_BEHIND"
  /** Log and metric: a rebuild of budgets threw an unexpected error. The next round tries again. */
  | "REBUILD_DEFECT";
