/** Why a partition is not fetched. */
export type HoldReason = "assigning" | "outage" | "full" | "stopping";

/**
 * Records which partitions are paused and why. A partition is fetched again only when no reason is
 * left. The client itself has one flag per partition, and keeps it over rebalances for partitions
 * that may return.
 */
export class PartitionHolds {
  private readonly reasons = new Map<number, Set<HoldReason>>();

  constructor(
    private readonly pause: (partition: number) => void,
    private readonly resume: (partition: number) => void,
    private readonly changed: (held: number) => void,
  ) {}

  hold(partition: number, reason: HoldReason): void {
    const reasons = this.reasons.get(partition);
    if (reasons) return void reasons.add(reason);
    this.reasons.set(partition, new Set([reason]));
    this.pause(partition);
    this.changed(this.reasons.size);
  }

  release(partition: number, reason: HoldReason): void {
    const reasons = this.reasons.get(partition);
    if (!reasons?.delete(reason) || reasons.size > 0) return;
    this.reasons.delete(partition);
    this.resume(partition);
    this.changed(this.reasons.size);
  }

  isHeld(partition: number, reason?: HoldReason): boolean {
    const reasons = this.reasons.get(partition);
    return reasons !== undefined && (reason === undefined || reasons.has(reason));
  }

  /** Removes all reasons, for a new assignment. */
  releaseAll(): void {
    for (const partition of this.reasons.keys()) this.resume(partition);
    this.reasons.clear();
    this.changed(0);
  }
}
