import type { AttemptId, ChargeId, NanoUsd } from "@sluice/domain";

/** The scopes that an amount counts against, outermost first. */
export interface BudgetScopes {
  readonly tenant: string;
  readonly team: string;
  readonly feature: string;
  readonly user: string;
  readonly key: string;
  /** The agent run, which may have a budget of its own; null: none. */
  readonly runId: string | null;
}

/** What an attempt at one variant can cost at most. */
export interface BoundedCandidate {
  readonly variant: string;
  readonly worstCaseNanoUsd: NanoUsd;
}

export interface ReservationRequest<C extends BoundedCandidate> {
  readonly requestId: string;
  /** With the tenant and the request id it names the request for ever, also after the id is reused. */
  readonly admittedAt: number;
  readonly scopes: BudgetScopes;
  /** At least one, best first. */
  readonly candidates: readonly C[];
}

export type Reservation<C extends BoundedCandidate> =
  | {
      readonly kind: "granted";
      /** Those that the allowance bears, in the order asked for; at least one. */
      readonly candidates: readonly C[];
    }
  | {
      readonly kind: "refused";
      /** A sentence for the caller that names the budget. */
      readonly reason: string;
    };

/** A charge as it stands in the ledger. */
export interface SettledCharge {
  readonly chargeId: ChargeId;
  /** Names the reservation: an attempt has one. */
  readonly attemptId: AttemptId;
  readonly scopes: Omit<BudgetScopes, "runId">;
  /** Signed change of spend. */
  readonly amountNanoUsd: NanoUsd;
}

/**
 * Port: holds what an attempt can cost before it is made, and replaces it by
 * what it did cost. An implementation that cannot reach its store throws
 * `TransientFault` `BUDGETS_UNAVAILABLE`; it never grants because it cannot ask.
 */
export abstract class Budgets {
  /**
   * Tries each request's candidates in their order. Idempotent by request:
   * a redelivery gets the decision that was stored, not a second reservation.
   *
   * @returns one reservation per request, in the same order
   */
  abstract reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]>;

  /**
   * Reserved goes down, spent goes up. Idempotent by charge id, so that a
   * crash between the ledger and the commit of the offset moves nothing twice.
   */
  abstract settle(charges: readonly SettledCharge[]): Promise<void>;
}

export type BudgetsFaultCode = "BUDGETS_UNAVAILABLE";
