import { Injectable } from "@nestjs/common";

/**
 * Holds the partitions of cost.metered that this process reads. Another process may already own one of
 * them, so an action on a partition must be idempotent.
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
