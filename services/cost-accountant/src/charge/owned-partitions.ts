import { Injectable } from "@nestjs/common";

/**
 * The partitions of cost.metered that this process reads now. Another process
 * may own one already when we still believe it ours; whoever acts on it must
 * be idempotent.
 */
@Injectable()
export class OwnedPartitions {
  #owned: readonly number[] = [];

  assign(partitions: readonly number[]): void {
    this.#owned = partitions;
  }

  revoke(partitions: readonly number[]): void {
    this.#owned = this.#owned.filter((partition) => !partitions.includes(partition));
  }

  list(): readonly number[] {
    return this.#owned;
  }

  has(partition: number): boolean {
    return this.#owned.includes(partition);
  }
}
