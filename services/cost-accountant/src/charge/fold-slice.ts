import type { CostMetered } from "@sluice/contracts";
import type { EpochMillis, PriceBook } from "@sluice/domain";
import { chargeOf, type Verdict } from "./charge.ts";
import type { RecordedCharges, SliceOutcome } from "../ledger/ledger.ts";
import type { LedgerEntry } from "../ledger/ledger-entry.ts";

export interface FoldedSlice extends SliceOutcome {
  /** One per metering, in the same order. */
  readonly verdicts: readonly Verdict[];
}

/**
 * Decides on each metering of a slice, in order. If an attempt occurs more than once, each metering is
 * decided on the charges of those before it, as if the slice had been folded one by one.
 *
 * @param recorded the charges that the ledger has, by attempt id
 */
export function foldSlice(
  meterings: readonly CostMetered[],
  recorded: RecordedCharges,
  book: PriceBook,
  now: EpochMillis,
): FoldedSlice {
  const charges = new Map(recorded);
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
