import type { AttemptId, ChargeId, NanoUsd } from "@sluice/domain";

/** The scopes that an amount counts against, outermost first. */
export interface BudgetScopes {
  readonly tenant: string;
  readonly team: string;
  readonly feature: string;
  readonly user: string;
  readonly key: string;
  /** The agent run, which may have a budget of its own; null if there is none. */
  readonly runId: string | null;
}

/** One variant, and the most that an attempt at it can cost. */
export interface BoundedCandidate {
  readonly variant: string;
  readonly worstCaseNanoUsd: NanoUsd;
}

export interface ReservationRequest<C extends BoundedCandidate> {
  readonly requestId: string;
  /** Names the request together with tenant and request id, also after the id is reused. */
  readonly admittedAt: number;
  readonly scopes: BudgetScopes;
  /** At least one, best first. */
  readonly candidates: readonly C[];
}

export type Reservation<C extends BoundedCandidate> =
  | {
      readonly kind: "granted";
      /** The candidates that the allowance covers, in the order of the request; at least one. */
      readonly candidates: readonly C[];
    }
  | {
      readonly kind: "refused";
      /** A sentence for the client that names the budget. */
      readonly reason: string;
    };

/** A charge as the ledger stores it. */
export interface SettledCharge {
  readonly chargeId: ChargeId;
  /** Names the reservation, because an attempt has exactly one. */
  readonly attemptId: AttemptId;
  readonly scopes: Omit<BudgetScopes, "runId">;
  /** Signed change of spend. */
  readonly amountNanoUsd: NanoUsd;
}

/**
 * Port: reserves what an attempt can cost before it is made, and replaces the reservation by what
 * the attempt cost. An implementation that cannot reach its store throws `TransientFault`
 * `BUDGETS_UNAVAILABLE`. It never grants a reservation that it could not check.
 */
export abstract class Budgets {
  /**
   * Tries each request's candidates in their order. Idempotent by request: a redelivery gets the
   * stored decision, not a second reservation.
   *
   * @returns one reservation per request, in the same order
   */
  abstract reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]>;

  /**
   * Subtracts each charge from what is reserved and adds it to what is spent. Idempotent by charge
   * id, so that a crash between the ledger and the commit of the offset counts nothing twice.
   */
  abstract settle(charges: readonly SettledCharge[]): Promise<void>;
}

export type BudgetsFaultCode = "BUDGETS_UNAVAILABLE";
