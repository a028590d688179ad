import type { Settlement } from "../budgets.ts";
import { settledAtOnceMax } from "../limits.ts";

/**
 * Returns the settlements in rounds, of which each has at most one part per tenant and partition. A part is settled by one
 * call, and a round after the one before it. A number that was passed over is never settled: it would look like a
 * repetition. So no settlement may be made while an earlier one of its partition has failed, and the calls of a round do
 * fail one by one, for example if Redis learns the script between two of them, or a rebuild ends then. Pure.
 */
export function settlementRounds(
  settlements: readonly Settlement[],
): readonly (readonly (readonly Settlement[])[])[] {
  const groups = [
    ...Map.groupBy(settlements, ({ tenant, partition }) => `${partition} ${tenant}`).values(),
  ];
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: Math.ceil(longest / settledAtOnceMax) }, (_, round) =>
    groups
      .map((group) => group.slice(round * settledAtOnceMax, (round + 1) * settledAtOnceMax))
      .filter(({ length }) => length > 0),
  );
}
