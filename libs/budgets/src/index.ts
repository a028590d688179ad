export {
  type BoundedCandidate,
  Budgets,
  type BudgetScopes,
  type BudgetsFaultCode,
  type Reservation,
  type ReservationRequest,
  type SettledCharge,
} from "./budgets.ts";
export { GrantAllBudgets } from "./grant-all-budgets.ts";
