import { type RawMessage, stampOf } from "../core/raw-message.ts";
import { CommitPrefix } from "./commit-prefix.ts";

/**
 * Records what a concurrent stage has finished and may commit, over rebalances. A message that was
 * finished and could not be committed is redelivered when its partition returns. It then counts as
 * finished at once, without a second call.
 */
export class ConcurrentProgress {
  private prefixes = new Map<number, CommitPrefix>();
  /** The stamps of messages by partition and offset. */
  private readonly finishedEarly = new Map<number, Map<bigint, string>>();
  private admitted = new Map<number, Map<bigint, string>>();

  /** @param assigned the partitions of the new assignment; none when an assignment ended */
  restart(assigned: readonly number[]): void {
    this.prefixes = new Map(assigned.map((partition) => [partition, new CommitPrefix()]));
    this.admitted = new Map(assigned.map((partition) => [partition, new Map()]));
  }

  /** Returns "done" if this process finished the message before, and "known" if it is admitted already. */
  admit(raw: RawMessage): "new" | "done" | "known" {
    const { partition, offset } = raw;
    const prefix = this.prefixes.get(partition);
    if (!prefix?.admit(offset)) return "known";
    const finished = this.finishedEarly.get(partition)?.get(offset);
    if (finished === stampOf(raw)) {
      prefix.finish(offset);
      return "done";
    }
    // Another message has this offset now, so the topic was created again, and nothing of it was finished.
    if (finished !== undefined) this.finishedEarly.delete(partition);
    this.admitted.get(partition)?.set(offset, stampOf(raw));
    return "new";
  }

  finish(raw: RawMessage): void {
    const { partition, offset } = raw;
    const admitted = this.admitted.get(partition);
    const expected = admitted?.get(offset);
    // The call of a message that was deleted with its topic says nothing about the one at its offset now.
    if (expected !== undefined && expected !== stampOf(raw)) return;
    admitted?.delete(offset);
    const finished = this.finishedEarly.get(partition) ?? new Map<bigint, string>();
    finished.set(offset, stampOf(raw));
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
      for (const offset of finished?.keys() ?? []) if (offset < next) finished?.delete(offset);
    }
  }

  /** Returns how many messages a crash would deliver again. */
  outstanding(partition: number): number {
    return this.prefixes.get(partition)?.outstanding ?? 0;
  }
}
