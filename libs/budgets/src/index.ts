export {
  type Allowance,
  Allowances,
  type BoundedCandidate,
  BudgetRebuild,
  Budgets,
  type BudgetSnapshot,
  type BudgetState,
  type OpenReservation,
  type Reservation,
  type ReservationOption,
  type ReservationRequest,
  type Settlement,
  Settlements,
  type Shortage,
  type SpentWindow,
} from "./budgets.ts";
export { BudgetsModule, type BudgetsOptions } from "./budgets.module.ts";
export { type BudgetsFaultCode, rebuilding } from "./faults.ts";
export { type AttemptNeed, InMemoryBudgets } from "./in-memory/in-memory-budgets.ts";
export { RedisBudgets } from "./redis/redis-budgets.ts";
export { amountOf, optionArguments, windowArguments } from "./redis/script-arguments.ts";
export { type BudgetRefusal, budgetRefusalOf } from "./refusal.ts";
export { budgetLua } from "./redis/scripts.ts";
export { windowIdOf } from "./window-id.ts";
