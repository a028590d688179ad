import type { EpochMillis } from "@sluice/domain";
import type { CostCharged, InferenceAttempted } from "@sluice/contracts";
import type { ChargeNumber, LedgerEntry } from "./ledger-entry.ts";
import { type Dimension, dimensionOf } from "./dimensions.ts";
import {
  type Costs,
  type CostsQuery,
  type CostsRow,
  type Folded,
  Ledger,
  type OpenAttempt,
  type RecordedCharges,
  type SliceOutcome,
  type SlicePlace,
} from "./ledger.ts";
import { formatReplayHash, numberOf, rowHashOf } from "./row-hash.ts";
import { noChange, sumOf, usageChangeOf } from "./usage-change.ts";

/** A ledger in the memory of the process, for tests. */
export class InMemoryLedger extends Ledger {
  /** By charge id, in the order of insertion. */
  readonly entries = new Map<string, LedgerEntry>();
  /** By charge id. */
  readonly numbers = new Map<string, ChargeNumber>();
  readonly #lastSequence = new Map<number, bigint>();
  readonly #byAttempt = new Map<string, readonly CostCharged[]>();
  readonly #open = new Map<string, OpenAttempt>();
  readonly #parked = new Set<string>();

  override async fold<O extends SliceOutcome>(
    place: SlicePlace,
    decide: (recorded: RecordedCharges) => O,
  ): Promise<Folded<O>> {
    const outcome = decide(this.#recordedOf(place.attemptIds));
    for (const entry of outcome.entries) this.#insert(entry, place.partition);
    for (const attemptId of outcome.metered)
      if (!outcome.parked.includes(attemptId)) this.#open.delete(attemptId);
    for (const attemptId of outcome.parked) this.#parked.add(attemptId);
    return { outcome, numbers: new Map(this.numbers) };
  }

  /** The number of the last charge of each partition. */
  get lastSequences(): ReadonlyMap<number, bigint> {
    return new Map(this.#lastSequence);
  }

  /** The intents that are not charged. A parked attempt keeps its intent. */
  get unchargedIntents(): readonly InferenceAttempted[] {
    return [...this.#open.values()]
      .map(({ intent }) => intent)
      .filter(({ attemptId }) => !this.#byAttempt.has(attemptId));
  }

  override async noteIntents(attempts: readonly OpenAttempt[]): Promise<void> {
    for (const attempt of attempts) {
      const { attemptId } = attempt.intent;
      if (!this.#byAttempt.has(attemptId)) this.#open.set(attemptId, attempt);
    }
  }

  override async overdue(
    partitions: readonly number[],
    before: EpochMillis,
    max: number,
  ): Promise<readonly OpenAttempt[]> {
    return [...this.#open.values()]
      .filter(
        ({ partition, intent }) => partitions.includes(partition) && intent.deadlineAt < before,
      )
      .filter(({ intent }) => !this.#isKnown(intent.attemptId))
      .toSorted((left, right) => left.intent.deadlineAt - right.intent.deadlineAt)
      .slice(0, max);
  }

  override async stillOpen(attemptIds: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(attemptIds.filter((id) => this.#open.has(id) && !this.#isKnown(id)));
  }

  override async costs({ by, tenant, since, until, rowsMax }: CostsQuery): Promise<Costs> {
    const groups = new Map<string, CostsRow>();
    let total = noChange;
    for (const entry of this.entries.values()) {
      const { charge } = entry;
      const hour = Date.parse(dimensionOf(charge, "hour"));
      if (tenant !== null && charge.attribution.tenant !== tenant) continue;
      if ((since !== null && hour < since) || (until !== null && hour >= until)) continue;
      const change = usageChangeOf(entry);
      total = sumOf(total, change);
      const dimensions = dimensionsOf(charge, by);
      const key = JSON.stringify(dimensions);
      const sums = sumOf(groups.get(key)?.sums ?? noChange, change);
      groups.set(key, { dimensions, sums });
    }
    const rows = [...groups].toSorted(byDescendingSpend).map(([, row]) => row);
    return { rows: rows.slice(0, rowsMax), total };
  }

  override async replayHash(): Promise<string> {
    let sum = 0n;
    for (const entry of this.entries.values()) sum += numberOf(rowHashOf(entry));
    return formatReplayHash(sum);
  }

  #insert(entry: LedgerEntry, partition: number): void {
    const { charge } = entry;
    const sequence = (this.#lastSequence.get(partition) ?? 0n) + 1n;
    this.#lastSequence.set(partition, sequence);
    this.numbers.set(charge.chargeId, { partition, sequence });
    const recorded = this.#byAttempt.get(charge.attemptId) ?? [];
    this.#byAttempt.set(charge.attemptId, [...recorded, charge]);
    this.entries.set(charge.chargeId, entry);
  }

  #recordedOf(attemptIds: readonly string[]): RecordedCharges {
    const recorded = new Map<string, readonly CostCharged[]>();
    for (const attemptId of attemptIds) {
      const charges = this.#byAttempt.get(attemptId);
      if (charges) recorded.set(attemptId, charges);
    }
    return recorded;
  }

  #isKnown(attemptId: string): boolean {
    return this.#byAttempt.has(attemptId) || this.#parked.has(attemptId);
  }
}

function dimensionsOf(charge: CostCharged, by: readonly Dimension[]): CostsRow["dimensions"] {
  return Object.fromEntries(by.map((dimension) => [dimension, dimensionOf(charge, dimension)]));
}

function byDescendingSpend(
  [leftKey, left]: [string, CostsRow],
  [rightKey, right]: [string, CostsRow],
) {
  const difference = right.sums.spendNanoUsd - left.sums.spendNanoUsd;
  if (difference !== 0n) return difference > 0n ? 1 : -1;
  return leftKey < rightKey ? -1 : 1;
}
