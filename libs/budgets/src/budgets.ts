import type { NanoUsd, Window } from "@sluice/domain";

/** A variant with an output limit, and the most that an attempt at it can cost. */
export interface BoundedCandidate {
  readonly variant: string;
  readonly worstCaseNanoUsd: NanoUsd;
}

/** A candidate, and the windows in which an attempt at it counts. */
export interface ReservationOption<C extends BoundedCandidate> {
  readonly candidate: C;
  readonly windows: readonly Window[];
}

export interface ReservationRequest<C extends BoundedCandidate> {
  readonly tenant: string;
  /** The id of the request's first attempt, which names the reservation. */
  readonly attemptId: string;
  /** After this time, in epoch milliseconds, nothing is reserved for the request any more. */
  readonly deadlineAt: number;
  /** At least one, best first. */
  readonly options: readonly ReservationOption<C>[];
}

/** What a budget refused, and what it had left. */
export interface Shortage {
  readonly window: Window;
  /** What the reservation needed. */
  readonly neededNanoUsd: NanoUsd;
  /** The limit minus what is spent and reserved; below zero if the limit was lowered. */
  readonly allowanceNanoUsd: NanoUsd;
}

export type Reservation<C extends BoundedCandidate> =
  | {
      readonly kind: "granted";
      /**
       * The candidates that the allowance covers, in the order of the request; at least one. The amount of the first one
       * is reserved, and each of the others would have been granted in its place.
       */
      readonly candidates: readonly C[];
    }
  /** No option fits. The shortage is that of the cheapest one. */
  | { readonly kind: "refused"; readonly shortage: Shortage }
  /**
   * The reservation is not the dispatcher's any more: an attempt has claimed it or was settled, or the request has an
   * outcome. Nothing is reserved again.
   */
  | { readonly kind: "ended" };

/**
 * Port of the dispatcher: reserves what an attempt can cost before it is made.
 *
 * Every method throws TransientFault `REDIS_UNAVAILABLE` while the store is unavailable, and
 * `BUDGETS_REBUILDING` while it has lost writes and is not rebuilt. It never grants a reservation that it
 * could not check.
 */
export abstract class Budgets {
  /**
   * Reserves the first option of each request whose windows all have the allowance, in one round trip for
   * all requests. A reservation is all or nothing. Idempotent by attempt id: a redelivery gets the stored
   * decision, unless the first granted option has changed; the reservation is then replaced.
   *
   * @returns one reservation per request, in the same order
   */
  abstract reserve<C extends BoundedCandidate>(
    requests: readonly ReservationRequest<C>[],
  ): Promise<readonly Reservation<C>[]>;
}

/** A charge that the ledger has stored. */
export interface Settlement {
  readonly tenant: string;
  /** Names the reservation. */
  readonly attemptId: string;
  /** The windows of the charge. */
  readonly windows: readonly Window[];
  /** Signed change of spend. */
  readonly amountNanoUsd: NanoUsd;
  /** The partition in whose order the ledger numbered the charge. */
  readonly partition: number;
  /** The number of the charge within its partition, from 1. The ledger gives each number once, in the order of its transactions. */
  readonly sequence: bigint;
  /** Whether the ledger has stored the charge just now. If not, it may have been settled before. */
  readonly isNew: boolean;
}

/**
 * Port of the cost accountant: replaces what is reserved by what was charged. Throws as {@link Budgets}.
 */
export abstract class Settlements {
  /**
   * Ends the reservation of each charge's attempt, if there is one, and adds the amount to what is spent.
   * Idempotent by partition and sequence. Settlements of a partition must be passed in the order of their
   * sequences; gaps are allowed.
   */
  abstract settle(settlements: readonly Settlement[]): Promise<void>;

  /**
   * Releases reservations of a tenant whose deadline has passed and that no attempt has claimed. A claimed
   * reservation ends by a charge, because every attempt is metered or estimated.
   *
   * @returns how many were released
   */
  abstract expire(tenant: string): Promise<number>;
}

/** The state of a tenant's budgets in the store. */
export type BudgetState =
  | { readonly kind: "ready" }
  /** The store has no trace of the tenant's budgets: it is new, or it has lost its data. */
  | { readonly kind: "lost" }
  | { readonly kind: "rebuilding"; readonly sinceMs: number };

/** What was spent in a window. */
export interface SpentWindow {
  readonly window: Pick<Window, "budget" | "scope" | "opensAt" | "closesAt">;
  readonly spentNanoUsd: NanoUsd;
}

/** An attempt that was announced and not charged yet. */
export interface OpenReservation {
  readonly attemptId: string;
  readonly amountNanoUsd: NanoUsd;
  readonly windows: readonly Window[];
}

/** Everything that the ledger knows of a tenant's budgets, read in one transaction. */
export interface BudgetSnapshot {
  readonly tenant: string;
  /**
   * Counts the rebuilds of the tenant, from 0 for an installation that never lost its store. The ledger
   * keeps it, and it is above {@link BudgetRebuild.lastEpoch}, so that it never repeats.
   */
  readonly epoch: number;
  /** By partition: the sequence of the last charge that the sums contain. */
  readonly settled: ReadonlyMap<number, bigint>;
  readonly spent: readonly SpentWindow[];
  readonly open: readonly OpenReservation[];
}

/**
 * Port of the cost accountant: rebuilds the store, which is a projection of the ledger, after it has lost
 * writes. Throws `REDIS_UNAVAILABLE`.
 */
export abstract class BudgetRebuild {
  /** Returns one state per tenant, in order. */
  abstract states(tenants: readonly string[]): Promise<readonly BudgetState[]>;

  /**
   * Begins a rebuild: from now on every other call waits until {@link restore} has ended. Take the snapshot
   * after this.
   *
   * @returns a token that names this rebuild; another one that begins later ends it
   */
  abstract begin(tenant: string): Promise<string>;

  /**
   * Returns the epoch of what the store still has of a tenant; -1 if it has nothing. The epoch of a snapshot has to be
   * above it, because counters of the same epoch count.
   */
  abstract lastEpoch(tenant: string): Promise<number>;

  /** Stores a snapshot and opens the budgets. Returns false if another rebuild has begun in the meantime. */
  abstract restore(token: string, snapshot: BudgetSnapshot): Promise<boolean>;
}

/** What a window has left. */
export interface Allowance {
  readonly limitNanoUsd: NanoUsd;
  readonly spentNanoUsd: NanoUsd;
  readonly reservedNanoUsd: NanoUsd;
}

/** Port of ingress: shows what is spent and reserved. Throws as {@link Budgets}. */
export abstract class Allowances {
  /** Returns one allowance per window, in order. */
  abstract read(tenant: string, windows: readonly Window[]): Promise<readonly Allowance[]>;
}
