import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { budgetHistoryContract } from "./budget-history.contract.ts";
import { InMemoryBudgetHistory } from "./in-memory-budget-history.ts";

budgetHistoryContract("in memory", async () => {
  const ledger = new InMemoryLedger();
  return { ledger, history: new InMemoryBudgetHistory(ledger) };
});
