import type kafkajs from "kafkajs";
import type { PartitionHooks } from "../../core/stage.ts";

interface Assigned {
  readonly partitions: readonly number[];
  readonly ended: AbortSignal;
}

/**
 * Determines where reading begins. A group without an offset gets one at once: the beginning of the
 * partition could move before the first message is finished, and a rebalance in between would then
 * skip or repeat messages.
 */
export class StartingOffsets {
  constructor(
    private readonly admin: kafkajs.Admin,
    private readonly consumer: kafkajs.Consumer,
    private readonly groupId: string,
    /** With prefix. */
    private readonly topic: string,
  ) {}

  /** @throws what the client or the hook throws; then try again */
  async settle(assigned: Assigned, hooks: PartitionHooks): Promise<void> {
    if (assigned.partitions.length === 0) return;
    await this.commitMissing(assigned);
    if (!hooks.resumeAt) return;
    for (const partition of assigned.partitions) {
      const offset = await hooks.resumeAt(partition);
      if (assigned.ended.aborted) return;
      if (offset !== null)
        this.consumer.seek({ topic: this.topic, partition, offset: String(offset) });
    }
  }

  private async commitMissing(assigned: Assigned): Promise<void> {
    const groups = await this.admin.fetchOffsets({ groupId: this.groupId, topics: [this.topic] });
    const known = groups.find(({ topic }) => topic === this.topic)?.partitions ?? [];
    const missing = assigned.partitions.filter((partition) => {
      const committed = known.find((each) => each.partition === partition);
      return committed === undefined || Number(committed.offset) < 0;
    });
    if (missing.length === 0) return;
    const lows = await this.admin.fetchTopicOffsets(this.topic);
    if (assigned.ended.aborted) return;
    // If the client repeats this under the next generation, another member's first offset returns
    // to the beginning. Its messages are then repeated, but never lost.
    await this.consumer.commitOffsets(
      missing.map((partition) => ({
        topic: this.topic,
        partition,
        offset: lows.find((each) => each.partition === partition)?.low ?? "0",
      })),
    );
  }
}
