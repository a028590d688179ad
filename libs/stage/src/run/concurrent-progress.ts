import { CommitPrefix } from "./commit-prefix.ts";

/**
 * Records what a concurrent stage has finished and may commit, over rebalances. A message that was
 * finished and could not be committed is redelivered when its partition returns. It then counts as
 * finished at once, without a second call.
 */
export class ConcurrentProgress {
  private prefixes = new Map<number, CommitPrefix>();
  private readonly finishedEarly = new Map<number, Set<bigint>>();

  /** @param assigned the partitions of the new assignment; none when an assignment ended */
  restart(assigned: readonly number[]): void {
    this.prefixes = new Map(assigned.map((partition) => [partition, new CommitPrefix()]));
  }

  /** Returns "done" if this process finished the message before, and "known" if it is admitted already. */
  admit(partition: number, offset: bigint): "new" | "done" | "known" {
    const prefix = this.prefixes.get(partition);
    if (!prefix?.admit(offset)) return "known";
    if (!this.finishedEarly.get(partition)?.has(offset)) return "new";
    prefix.finish(offset);
    return "done";
  }

  finish(partition: number, offset: bigint): void {
    const finished = this.finishedEarly.get(partition) ?? new Set<bigint>();
    finished.add(offset);
    this.finishedEarly.set(partition, finished);
    this.prefixes.get(partition)?.finish(offset);
  }

  /** Notes that there is nothing to process between the last admitted message and `next`. */
  pass(partition: number, next: bigint): void {
    const prefix = this.prefixes.get(partition);
    if (prefix?.admit(next - 1n)) prefix.finish(next - 1n);
  }

  /** Returns the offset after the finished prefix of each partition whose prefix has grown. */
  committable(): Map<number, bigint> {
    const offsets = new Map<number, bigint>();
    for (const [partition, prefix] of this.prefixes) {
      const next = prefix.committable();
      if (next !== undefined) offsets.set(partition, next);
    }
    return offsets;
  }

  committed(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, next] of offsets) {
      this.prefixes.get(partition)?.markCommitted(next);
      const finished = this.finishedEarly.get(partition);
      for (const offset of finished ?? []) if (offset < next) finished?.delete(offset);
    }
  }

  /** Returns how many messages a crash would deliver again. */
  outstanding(partition: number): number {
    return this.prefixes.get(partition)?.outstanding ?? 0;
  }
}
