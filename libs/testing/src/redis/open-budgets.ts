import type { BudgetRebuild } from "@sluice/budgets";

/**
 * Opens the budgets of tenants with nothing spent and nothing reserved, as the cost accountant does for an empty ledger.
 * A suite without an accountant needs it: no attempt begins before.
 *
 * @param epoch above 0 for a store that has lost its data that often
 */
export async function openBudgets(
  rebuild: BudgetRebuild,
  tenants: readonly string[],
  epoch = 0,
): Promise<void> {
  for (const tenant of tenants) {
    const token = await rebuild.begin(tenant);
    await rebuild.restore(token, { tenant, epoch, settled: new Map(), spent: [], open: [] });
  }
}
