import type { BudgetSnapshot } from "@sluice/budgets";

/**
 * Port: what the ledger knows of the budgets of a tenant. Throws TransientFault `LEDGER_UNAVAILABLE` while the
 * ledger is unavailable.
 */
export abstract class BudgetHistory {
  /**
   * Counts the rebuilds of the tenant's budgets. The first call returns 0, and no call returns a number again.
   *
   * @param last the store's epoch, or -1. It is higher than the ledger's if the ledger was restored from a backup; the
   *   count continues from the higher one.
   */
  abstract raiseEpoch(tenant: string, last: number): Promise<number>;

  /** Returns the tenants whose budgets were rebuilt before. */
  abstract tenants(): Promise<readonly string[]>;

  /** Reads everything in one transaction, so that no charge is missing and none counts twice. */
  abstract snapshot(tenant: string): Promise<Omit<BudgetSnapshot, "tenant" | "epoch">>;
}
