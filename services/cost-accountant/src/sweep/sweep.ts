import type { CostMetered, InferenceAttempted } from "@sluice/contracts";
import { type EpochMillis, noUsage } from "@sluice/domain";
import type { OpenAttempt } from "../ledger/ledger.ts";

/**
 * The overdue attempts of one partition, and the mark up to which cost.metered must be folded before they
 * are estimated. The mark is the end of the partition after the attempts were found overdue, so an
 * estimate never overtakes usage that was published before.
 */
export interface Watch {
  readonly partition: number;
  /** The high watermark of cost.metered. */
  readonly mark: bigint;
  readonly attempts: readonly InferenceAttempted[];
}

/** Returns the time before which the deadline of an overdue attempt lies. */
export function overdueBefore(now: EpochMillis, graceMs: number): EpochMillis {
  return now - graceMs;
}

/**
 * Returns one watch for each partition of the attempts. A partition whose end is unknown is left to
 * the next sweep.
 */
export function watchesFor(
  overdue: readonly OpenAttempt[],
  ends: ReadonlyMap<number, bigint>,
): readonly Watch[] {
  const byPartition = Map.groupBy(overdue, ({ partition }) => partition);
  return [...byPartition].flatMap(([partition, attempts]) => {
    const mark = ends.get(partition);
    if (mark === undefined) return [];
    return [{ partition, mark, attempts: attempts.map(({ intent }) => intent) }];
  });
}

/**
 * Whether the charge stage has folded the partition up to the mark.
 *
 * @param committed the offsets that the charge stage has committed, by partition. The stage commits
 *   after the ledger, and also past messages that it cannot read. A message that is not Avro at the end
 *   of a partition therefore does not block its sweep forever.
 */
export function isFoldedTo(
  { partition, mark }: Watch,
  committed: ReadonlyMap<number, bigint>,
): boolean {
  return mark === 0n || (committed.get(partition) ?? 0n) >= mark;
}

/**
 * Returns the estimate of an attempt without usage: its estimated input, and every answer at the output
 * limit. This is an upper bound. A later report corrects it by a signed difference.
 */
export function estimateOf(intent: InferenceAttempted, now: EpochMillis): CostMetered {
  const {
    attemptedAt,
    deadlineAt: _deadlineAt,
    inputTokens,
    outputLimit,
    answers,
    worstCaseNanoUsd: _worstCaseNanoUsd,
    ...attempt
  } = intent;
  return {
    ...attempt,
    kind: "estimated",
    calledAt: attemptedAt,
    meteredAt: now,
    usage: { ...noUsage, inputTokens, outputTokens: outputLimit * BigInt(answers) },
    estimatedFigures: ["inputTokens", "outputTokens"],
    raw: null,
    reason: "swept",
  };
}
