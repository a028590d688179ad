import type { BudgetRebuild } from "@sluice/budgets";
import { retryWithBackOff, TransientFault } from "@sluice/domain";

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
    const token = await whenConnected(() => rebuild.begin(tenant));
    await rebuild.restore(token, { tenant, epoch, settled: new Map(), spent: [], open: [] });
  }
}

/** Repeats a call until the connection of Redis is there, for ten seconds at most. */
function whenConnected<T>(call: () => Promise<T>): Promise<T> {
  return retryWithBackOff(call, {
    signal: AbortSignal.timeout(10_000),
    pauseMsAfter: (error, failures) =>
      error instanceof TransientFault && failures < 100 ? 100 : undefined,
  });
}
