import type { CostCharged, InferenceAttempted } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { Dimension } from "./dimensions.ts";
import type { ChargeNumber, LedgerEntry } from "./ledger-entry.ts";
import type { UsageChange } from "./usage-change.ts";

/** The position of a slice of cost.metered in its topic. */
export interface SlicePlace {
  /** The name of the topic, without prefix. */
  readonly topic: string;
  readonly partition: number;
  /** The offset after the slice's last message. */
  readonly nextOffset: bigint;
  /** The attempts of the slice's meterings. */
  readonly attemptIds: readonly string[];
}

/** The charges that the ledger has, by attempt id. An attempt without a charge is absent. */
export type RecordedCharges = ReadonlyMap<string, readonly CostCharged[]>;

/** What the transaction of a slice writes. */
export interface SliceOutcome {
  /** The entries that are new to the ledger. */
  readonly entries: readonly LedgerEntry[];
  /** The attempts that were metered, which therefore need no estimate any more. */
  readonly metered: readonly string[];
  /**
   * The attempts whose metering was dead-lettered. An operator replays it; an estimate would only
   * hide it.
   */
  readonly parked: readonly string[];
}

/** What a fold has decided, and the number of each charge of the slice's attempts, by charge id. Charges of older versions have none. */
export interface Folded<O> {
  readonly outcome: O;
  readonly numbers: ReadonlyMap<string, ChargeNumber>;
}

/** An attempt that was announced and is not metered yet. */
export interface OpenAttempt {
  /**
   * Its partition on inference.attempted and on cost.metered, which have the same key and number of
   * partitions.
   */
  readonly partition: number;
  readonly intent: InferenceAttempted;
}

/** Which costs to sum. */
export interface CostsQuery {
  /** At least one dimension. */
  readonly by: readonly Dimension[];
  readonly tenant: string | null;
  /** A whole hour, which is included. */
  readonly since: EpochMillis | null;
  /** A whole hour, which is not included. */
  readonly until: EpochMillis | null;
  readonly rowsMax: number;
}

export interface CostsRow {
  readonly dimensions: Readonly<Partial<Record<Dimension, string>>>;
  readonly sums: UsageChange;
}

export interface Costs {
  /** At most `rowsMax` rows, highest spend first. */
  readonly rows: readonly CostsRow[];
  /** The sums over all rows of the query, including those beyond `rowsMax`. */
  readonly total: UsageChange;
}

/**
 * Port: append-only charges, their sums by hour, and the attempts that are not metered yet.
 *
 * Every method throws TransientFault `LEDGER_UNAVAILABLE` while the store is unavailable, and
 * PermanentFault `LEDGER_REFUSED` for a value that it cannot store.
 */
export abstract class Ledger {
  /**
   * Folds a slice of one partition in one transaction, with one writer per partition at a time. It
   * reads the charges of the slice's attempts, passes them to `decide`, and writes all of the result or
   * nothing. Only entries that were inserted change the sums. They are numbered in their order, after
   * those that the partition has.
   *
   * @param decide pure; may be called again
   * @throws TransientFault `LEDGER_CONTENDED` if another writer has charged one of the attempts in the
   *   meantime; nothing is written then
   */
  abstract fold<O extends SliceOutcome>(
    place: SlicePlace,
    decide: (recorded: RecordedCharges) => O,
  ): Promise<Folded<O>>;

  /**
   * Stores announced attempts, which are passed in the order of their topic. If an attempt is announced
   * twice the last intent counts: the first owner stopped before the call, and the next owner may have
   * chosen another variant. Idempotent, and independent of the order with {@link fold}.
   */
  abstract noteIntents(attempts: readonly OpenAttempt[]): Promise<void>;

  /**
   * Returns attempts of these partitions that are neither charged nor parked, and whose deadline is
   * before `before`; oldest first.
   */
  abstract overdue(
    partitions: readonly number[],
    before: EpochMillis,
    max: number,
  ): Promise<readonly OpenAttempt[]>;

  /** Returns those of the attempts that are neither charged nor parked. */
  abstract stillOpen(attemptIds: readonly string[]): Promise<ReadonlySet<string>>;

  /** Returns the sums of a query. */
  abstract costs(query: CostsQuery): Promise<Costs>;

  /**
   * Returns the sum of the row hashes modulo 2^256 as 64 hex digits. It is equal for equal ledgers,
   * in any order of rows.
   */
  abstract replayHash(): Promise<string>;
}
