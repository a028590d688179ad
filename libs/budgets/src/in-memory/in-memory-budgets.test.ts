import { type BudgetsHarness, describeBudgets } from "../contract/budgets.contract.ts";
import { describeChangedNeeds } from "../contract/changed-needs.contract.ts";
import { lastCentsContract } from "../contract/last-cents.contract.ts";
import { InMemoryBudgets } from "./in-memory-budgets.ts";

const create = async (): Promise<BudgetsHarness> => {
  const budgets = new InMemoryBudgets();
  return {
    budgets,
    claim: async (need) => budgets.claim(need),
    releaseOpen: async (tenant, attemptId) => budgets.releaseOpen(tenant, attemptId),
    lose: async () => budgets.lose(),
  };
};

describeBudgets(create);
describeChangedNeeds(create);
lastCentsContract(create);
