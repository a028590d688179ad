/** Every code of this service; the pricing itself adds those of `@sluice/domain` (`PriceFaultCode`). */
export type AccountantFaultCode =
  /** Dead letter: nobody declared a price for the variant at that time. */
  | "PRICE_UNKNOWN"
  /** Dead letter: tokens, time or price are none that can be. */
  | "CHARGE_INVALID"
  /** Outage: the ledger does not answer. */
  | "LEDGER_UNAVAILABLE"
  /** Outage: another writer was faster; it is decided again. */
  | "LEDGER_CONTENDED"
  /** Dead letter: the ledger cannot hold a value. */
  | "LEDGER_REFUSED"
  /** Log and metric: the sweep threw what is no fault; the next look tries again. */
  | "SWEEP_DEFECT";
