import type { CostCharged, InferenceAttempted, Usage } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { Dimension } from "./dimensions.ts";
import type { UsageChange } from "./usage-change.ts";

/** A charge with what the ledger keeps besides what it publishes. */
export interface LedgerEntry {
  readonly charge: CostCharged;
  /** From 1; 0 for a hit. */
  readonly attemptNumber: number;
  /** Usage that the same attempt was charged with before, as an estimate; null: it is the attempt's first charge. */
  readonly replaces: Usage | null;
}

/** Where a slice of cost.metered stands in the log. */
export interface SlicePlace {
  /** Without prefix. */
  readonly topic: string;
  readonly partition: number;
  /** The offset after the slice's last message. */
  readonly nextOffset: bigint;
  /** The attempts that the slice is about. */
  readonly attemptIds: readonly string[];
}

/** What the ledger has, by attempt id; an attempt without a charge is absent. */
export type Standing = ReadonlyMap<string, readonly CostCharged[]>;

/** What one transaction writes. */
export interface SliceOutcome {
  /** New to the ledger. */
  readonly entries: readonly LedgerEntry[];
  /** Attempts whose usage is known now; no estimate is wanted for them any more. */
  readonly metered: readonly string[];
  /** Attempts whose metering was dead-lettered: an operator replays it, an estimate would only hide it. */
  readonly parked: readonly string[];
}

export interface OpenAttempt {
  /** Of inference.attempted, and so of cost.metered: both have the same key and number of partitions. */
  readonly partition: number;
  readonly intent: InferenceAttempted;
}

export interface CostsQuery {
  /** At least one. */
  readonly by: readonly Dimension[];
  readonly tenant: string | null;
  /** Whole hours; `since` is included, `until` is not. */
  readonly since: EpochMillis | null;
  readonly until: EpochMillis | null;
  readonly rowsMax: number;
}

export interface CostsRow {
  readonly dimensions: Readonly<Partial<Record<Dimension, string>>>;
  readonly sums: UsageChange;
}

export interface Costs {
  /** Most spend first; at most `rowsMax`. */
  readonly rows: readonly CostsRow[];
  /** Over everything that was asked for, also beyond `rowsMax`. */
  readonly total: UsageChange;
}

/**
 * Port: append-only charges, their sums by hour, and the attempts whose usage
 * nobody has stated yet.
 *
 * Everything throws TransientFault `LEDGER_UNAVAILABLE` while the store is
 * away, and PermanentFault `LEDGER_REFUSED` for values that it cannot hold.
 */
export abstract class Ledger {
  /**
   * One transaction for a slice of one partition, with one writer per partition
   * at a time: reads what the ledger has of the slice's attempts, lets `decide`
   * say what to write, and writes all of it or nothing. Sums are raised only by
   * entries that were really inserted.
   *
   * @param decide pure; may be called again
   * @throws TransientFault `LEDGER_CONTENDED` when another writer was faster; nothing is written
   */
  abstract fold<O extends SliceOutcome>(
    place: SlicePlace,
    decide: (standing: Standing) => O,
  ): Promise<O>;

  /**
   * Attempts that were announced, in the order of the topic. Of one announced
   * twice the last counts: its first owner died before the call, and the next
   * one may have chosen another variant. Idempotent; in any order with {@link fold}.
   */
  abstract noteIntents(attempts: readonly OpenAttempt[]): Promise<void>;

  /** Attempts of these partitions, neither charged nor parked, whose deadline is before `before`; oldest first. */
  abstract overdue(
    partitions: readonly number[],
    before: EpochMillis,
    max: number,
  ): Promise<readonly OpenAttempt[]>;

  /** Those that are still neither charged nor parked. */
  abstract stillOpen(attemptIds: readonly string[]): Promise<ReadonlySet<string>>;

  abstract costs(query: CostsQuery): Promise<Costs>;

  /** The sum of row hashes modulo 2^256, as 64 hex digits: equal for equal ledgers, whatever the order. */
  abstract replayHash(): Promise<string>;
}
