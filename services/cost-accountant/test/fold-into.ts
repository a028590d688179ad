import type { CostMetered } from "@sluice/contracts";
import { foldSlice } from "../src/charge/fold-slice.ts";
import type { Verdict } from "../src/charge/charge.ts";
import type { Ledger } from "../src/ledger/ledger.ts";
import { book, calledAt } from "./fixtures.ts";

/**
 * Folds meterings as the charge stage does, in slices of `sliceMax`. Returns one verdict for each
 * metering.
 */
export async function foldInto(
  ledger: Ledger,
  meterings: readonly CostMetered[],
  sliceMax = 100,
  partition = 0,
): Promise<readonly Verdict[]> {
  const all: Verdict[] = [];
  for (let from = 0; from < meterings.length; from += sliceMax) {
    const slice = meterings.slice(from, from + sliceMax);
    const place = {
      topic: "cost.metered",
      partition,
      nextOffset: BigInt(from + slice.length),
      attemptIds: slice.map(({ attemptId }) => attemptId),
    };
    const { outcome } = await ledger.fold(place, (recorded) =>
      foldSlice(slice, recorded, book, calledAt + 1_000),
    );
    all.push(...outcome.verdicts);
  }
  return all;
}
