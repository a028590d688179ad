import { topics } from "@sluice/contracts";
import type { BudgetState } from "@sluice/budgets";

/** A rebuild that has not ended after this time has lost its process, and another one begins. */
const rebuildMsMax = 30_000;

/**
 * Whether the budgets of a tenant have to be rebuilt now.
 *
 * @param hasFailed whether this process began the last rebuild that it knows of, and failed
 */
export function needsRebuild(state: BudgetState, hasFailed: boolean, now: number): boolean {
  if (state.kind === "rebuilding") return hasFailed || now - state.sinceMs > rebuildMsMax;
  return state.kind === "lost";
}

/** The topics whose end a rebuild waits for, by name. */
export const announcedOn = topics.inferenceAttempted.name;

/**
 * Whether every attempt that was announced before the rebuild began is in the ledger.
 *
 * @param ends the high watermark of each partition of inference.attempted, read after the rebuild has begun
 * @param committed the offsets up to which intents are stored, by partition
 */
export function hasStored(
  ends: ReadonlyMap<number, bigint>,
  committed: ReadonlyMap<number, bigint>,
): boolean {
  return [...ends].every(
    ([partition, end]) => end === 0n || (committed.get(partition) ?? 0n) >= end,
  );
}
