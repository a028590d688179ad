import type { CostMetered, InferenceAttempted } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";
import type { OpenAttempt } from "../ledger/ledger.ts";

/**
 * Overdue attempts of one partition, and how far cost.metered must be folded
 * before anything is said of them: to where its end was after they had become
 * overdue. Usage that was published by then is thereby never overtaken.
 */
export interface Watch {
  readonly partition: number;
  /** High watermark of cost.metered. */
  readonly mark: bigint;
  readonly attempts: readonly InferenceAttempted[];
}

/** An attempt is overdue when its deadline lies before this. */
export function overdueBefore(now: EpochMillis, graceMs: number): EpochMillis {
  return now - graceMs;
}

/** One watch per partition that has none yet; an end that nobody told of is asked again next time. */
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
 * @param committed offsets that the charging stage has committed, by partition. It commits after
 *   the ledger, and also past messages that could not be read, so that a foreign message at the
 *   end of a partition does not hold its sweep up for ever.
 */
export function isFoldedTo(
  { partition, mark }: Watch,
  committed: ReadonlyMap<number, bigint>,
): boolean {
  return mark === 0n || (committed.get(partition) ?? 0n) >= mark;
}

/**
 * What an attempt without usage is taken to have cost: its estimated input,
 * and every answer as long as it was allowed to be. That bounds it from above;
 * a report that comes later corrects it by a signed difference.
 */
export function estimateOf(intent: InferenceAttempted, now: EpochMillis): CostMetered {
  const { attemptedAt, deadlineAt: _, inputTokens, outputLimit, answers, ...attempt } = intent;
  return {
    ...attempt,
    kind: "estimated",
    calledAt: attemptedAt,
    meteredAt: now,
    usage: {
      inputTokens,
      cachedInputTokens: 0n,
      cacheWriteTokens: 0n,
      outputTokens: outputLimit * BigInt(answers),
      reasoningTokens: 0n,
      otherTokens: {},
    },
    estimatedFigures: ["inputTokens", "outputTokens"],
    raw: null,
    reason: "swept",
  };
}
