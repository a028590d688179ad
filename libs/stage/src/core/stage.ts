import type { Delivery, Effect, Outgoing } from "./effects.ts";

/** Hooks that every stage may have; called in order, never at the same time. */
export abstract class PartitionHooks {
  /**
   * These partitions are ours from now on; nothing of them is delivered before
   * this resolves. Called again with the whole list after every rebalance.
   */
  async onAssigned?(partitions: readonly number[]): Promise<void>;

  /** These partitions may be another member's from now on. Must not wait. */
  onRevoked?(partitions: readonly number[]): void;

  /**
   * Where to begin instead of at the group's committed offset; null for the
   * committed one. Asked for every partition at every assignment.
   */
  async resumeAt?(partition: number): Promise<bigint | null>;
}

/** A stage for short work: what came is taken in slices, each of one partition and in its order. */
export abstract class SliceStage<In> extends PartitionHooks {
  /**
   * Exactly one effect per message, in the same order. Must be idempotent: after
   * a crash the same messages come again, in other slices.
   *
   * A `TransientFault` pauses the partition and the same messages come again;
   * anything else makes the slice run again one by one, and what still throws is
   * dead-lettered.
   */
  abstract process(slice: readonly Delivery<In>[]): Promise<readonly Effect[]>;

  /**
   * After everything of the slice is acknowledged by the broker, before the
   * offsets are committed. Idempotent; a throw counts as one of `process`.
   */
  async settled?(slice: readonly Delivery<In>[], effects: readonly Effect[]): Promise<void>;
}

/** "Not yet": the message comes again after `waitMs`, while its neighbours go on. */
export interface Deferral {
  readonly kind: "wait";
  readonly waitMs: number;
  readonly reason: string;
}

export function defer(waitMs: number, reason: string): Deferral {
  return { kind: "wait", waitMs, reason };
}

export interface ConcurrentContext {
  /** How often this message was handed to us before, in this process, since it was fetched. */
  readonly repeats: number;
  /**
   * Aborted when the partition is taken away. The handler goes on to its end and
   * writes its record; only its offset is no longer ours to commit.
   */
  readonly revoked: AbortSignal;
  /** Aborted when the time to drain is over and the process is about to end. */
  readonly stopping: AbortSignal;
}

/** A stage for long calls: many at once, in no order, each its own effect. */
export abstract class ConcurrentStage<In> extends PartitionHooks {
  abstract handle(delivery: Delivery<In>, context: ConcurrentContext): Promise<Effect | Deferral>;

  /**
   * After the effect is acknowledged by the broker, before its offset is
   * committed. Idempotent; a `TransientFault` is waited for, nothing is
   * published again.
   */
  async settled?(delivery: Delivery<In>, effect: Effect): Promise<void>;
}

/** Port: how a request ends whose message became a dead letter. */
export abstract class DeadLetterOutcome {
  /**
   * Asked once for each dead letter that could be decoded; the messages are
   * published together with it. Idempotent.
   *
   * @param topic without prefix
   */
  abstract failed(topic: string, record: unknown, code: string): Promise<readonly Outgoing[]>;
}

export class NoDeadLetterOutcome extends DeadLetterOutcome {
  override async failed(): Promise<readonly Outgoing[]> {
    return [];
  }
}
