import { describeBudgets } from "../contract/budgets.contract.ts";
import { InMemoryBudgets } from "./in-memory-budgets.ts";

describeBudgets(async () => {
  const budgets = new InMemoryBudgets();
  return {
    budgets,
    claim: async (need) => budgets.claim(need),
    releaseOpen: async (tenant, attemptId) => budgets.releaseOpen(tenant, attemptId),
    lose: async () => budgets.lose(),
  };
});
