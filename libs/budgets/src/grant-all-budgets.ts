import {
  type BoundedCandidate,
  Budgets,
  type Reservation,
  type ReservationRequest,
} from "./budgets.ts";

/** Has no limits: it grants every candidate and ignores every settlement. */
export class GrantAllBudgets extends Budgets {
  override async reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]> {
    return requests.map(({ candidates }) => ({ kind: "granted", candidates }));
  }

  override async settle(): Promise<void> {}
}
