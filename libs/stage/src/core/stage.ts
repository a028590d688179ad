import type { DeadLettering, Delivery, Effect, Outgoing, Undecoded } from "./effects.ts";

/** Hooks that every stage may implement. They are called in order and never at the same time. */
export abstract class PartitionHooks {
  /**
   * Returns why a message becomes a dead letter without being decoded, or undefined. For topics that outside
   * clients write: a message that is not authenticated must cost little. Must not wait.
   */
  refuseUndecoded?(message: Undecoded): DeadLettering | undefined;

  /**
   * Called when partitions are assigned. None of their messages is delivered before this resolves.
   * Called again with the whole list after every rebalance.
   */
  async onAssigned?(partitions: readonly number[]): Promise<void>;

  /** Called when partitions are revoked. Another member may already read them. Must not wait. */
  onRevoked?(partitions: readonly number[]): void;

  /**
   * Returns the offset at which to begin instead of the group's committed one, or null for the
   * committed one. Called for every partition at every assignment.
   */
  async resumeAt?(partition: number): Promise<bigint | null>;
}

/** A stage for short work. It processes messages in slices, each from one partition and in its order. */
export abstract class SliceStage<In> extends PartitionHooks {
  /**
   * Returns exactly one effect per message, in the same order. Must be idempotent: after a crash the
   * same messages are redelivered, in other slices.
   *
   * @throws TransientFault to pause the partition; the same messages are delivered again. After any
   *   other error the slice runs again one message at a time, and a message that still throws is
   *   dead-lettered.
   */
  abstract process(slice: readonly Delivery<In>[]): Promise<readonly Effect[]>;

  /**
   * Called after the broker has acknowledged all effects of the slice, and before the offsets are
   * committed. Must be idempotent. After a `TransientFault` the slice runs again from `process`. After
   * any other error it is called again with each message alone, and messages that still throw are
   * finished without it, because their effects are published.
   */
  async settled?(slice: readonly Delivery<In>[], effects: readonly Effect[]): Promise<void>;
}

/** Postpones a message: it is handled again after `waitMs` milliseconds, and others continue meanwhile. */
export interface Deferral {
  readonly kind: "wait";
  readonly waitMs: number;
  readonly reason: string;
}

export function defer(waitMs: number, reason: string): Deferral {
  return { kind: "wait", waitMs, reason };
}

export interface ConcurrentContext {
  /** How often this process has handled the message since it was fetched. */
  readonly repeats: number;
  /** How long the handler has postponed the message since it was fetched, in milliseconds. */
  readonly waitedMs: number;
  /**
   * Aborted when the partition is revoked. The handler still runs to its end and writes its record;
   * only its offset is committed by another member.
   */
  readonly revoked: AbortSignal;
  /** Aborted when the time to drain is over and the process is about to exit. */
  readonly stopping: AbortSignal;
}

/** A stage for long calls. It handles many messages at once, in no order, and each has its own effect. */
export abstract class ConcurrentStage<In> extends PartitionHooks {
  abstract handle(delivery: Delivery<In>, context: ConcurrentContext): Promise<Effect | Deferral>;

  /**
   * Called after the broker has acknowledged the effect, and before its offset is committed. Must be
   * idempotent. After a `TransientFault` it is called again; nothing is published again.
   */
  async settled?(delivery: Delivery<In>, effect: Effect): Promise<void>;
}

/** Port: gives the outcome of a request whose message became a dead letter. */
export abstract class DeadLetterOutcome {
  /**
   * Returns the messages to publish together with a dead letter. Called for each dead letter that
   * could be decoded. Must be idempotent.
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
