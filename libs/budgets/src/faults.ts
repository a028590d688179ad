import { TransientFault } from "@sluice/domain";

/** Every code this package throws. Outages have the code `REDIS_UNAVAILABLE` of `@sluice/redis`. */
export type BudgetsFaultCode = "BUDGETS_REBUILDING";

/** Returns the fault of every call while the budgets of a tenant are lost or rebuilt. */
export function rebuilding(): TransientFault {
  const code: BudgetsFaultCode = "BUDGETS_REBUILDING";
  return new TransientFault(
    code,
    "Redis has lost its data or is new, and the cost accountant rebuilds the tenant's budgets from the ledger. The work continues after that.",
  );
}
