import {
  type BoundedCandidate,
  Budgets,
  type Reservation,
  type ReservationRequest,
} from "./budgets.ts";

/** Limits nothing and holds nothing: every candidate is granted, every settlement is forgotten. */
export class GrantAllBudgets extends Budgets {
  override async reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]> {
    return requests.map(({ candidates }) => ({ kind: "granted", candidates }));
  }

  override async settle(): Promise<void> {}
}
