import type { CostMetered } from "@sluice/contracts";
import type { EpochMillis, PriceBook } from "@sluice/domain";
import { chargeOf, type Verdict } from "./charge.ts";
import type { LedgerEntry, SliceOutcome, Standing } from "../ledger/ledger.ts";

export interface FoldedSlice extends SliceOutcome {
  /** One per metering, in the same order. */
  readonly verdicts: readonly Verdict[];
}

/**
 * An attempt may occur more than once in a slice: each of its meterings sees
 * the charges of those before it, as if the slice had been folded one by one.
 */
export function foldSlice(
  meterings: readonly CostMetered[],
  standing: Standing,
  book: PriceBook,
  now: EpochMillis,
): FoldedSlice {
  const charges = new Map(standing);
  const entries: LedgerEntry[] = [];
  const parked: string[] = [];
  const verdicts = meterings.map((metered) => {
    const { attemptId } = metered;
    const soFar = charges.get(attemptId) ?? [];
    const verdict = chargeOf(metered, soFar, book, now);
    if (verdict.kind === "dead-letter") parked.push(attemptId);
    if (verdict.kind === "charge") {
      entries.push(verdict.entry);
      charges.set(attemptId, [...soFar, verdict.entry.charge]);
    }
    return verdict;
  });
  return { verdicts, entries, parked, metered: meterings.map(({ attemptId }) => attemptId) };
}
