import { type BackOff, backOffMs } from "@sluice/domain";
import type { Waiting } from "./call.ts";
import type { ProducerIdentity } from "./producer-link.ts";
import { batchLength, type Load, loadOf, type SendLimits } from "./send-batch.ts";

/** A batch that was sent. It has to be repeated unchanged, or the broker would not recognise it. */
export interface SentBatch {
  readonly identity: ProducerIdentity;
  readonly firstSequence: number;
  readonly messages: readonly Waiting[];
  readonly load: Load;
}

/**
 * The messages that wait for one partition, and how its last sends went. A topic whose partitions are
 * not known yet has one place for all its messages, with the partition null.
 */
export class Place {
  readonly name: string;
  /** The batch of which it is unknown whether the broker has stored it. It precedes all that wait. */
  inDoubt: SentBatch | undefined;
  isFlying = false;
  /** Whether the partition is sent on connections of its own, because its answers take long or do not come. */
  isApart = false;
  failures = 0;
  /** The time, as of `performance.now()`, before which the partition is not tried again. */
  notBefore = Number.NEGATIVE_INFINITY;
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  /** The most messages of the next batch, while a refused message is searched. */
  private most = Number.POSITIVE_INFINITY;

  constructor(
    readonly topic: string,
    readonly partition: number | null,
  ) {
    this.name = partition === null ? topic : `${topic}/${partition}`;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.inDoubt === undefined;
  }

  /** The load that waits, without what is being sent. */
  get load(): Load {
    const doubtful = this.isFlying ? undefined : this.inDoubt?.load;
    return {
      messages: this.waiting.length + (doubtful?.messages ?? 0),
      bytes: this.waitingBytes + (doubtful?.bytes ?? 0),
    };
  }

  /** True if nothing is known of this partition that another object of this class would not know. */
  get isForgettable(): boolean {
    return this.isEmpty && !this.isFlying && this.failures === 0 && this.most === Infinity;
  }

  add(entry: Waiting): void {
    this.waiting.push(entry);
    this.waitingBytes += entry.message.bytes;
  }

  /** Returns the next messages in their order, and removes them. */
  take(limits: SendLimits, room: Load): readonly Waiting[] {
    this.dropSettled();
    const messagesPerPartition = Math.min(limits.messagesPerPartition, this.most);
    const length = batchLength(this.waiting, { ...limits, messagesPerPartition }, room);
    const taken = this.waiting.splice(0, length);
    this.waitingBytes -= loadOf(taken).bytes;
    return taken;
  }

  takeAll(): readonly Waiting[] {
    this.waitingBytes = 0;
    return this.waiting.splice(0);
  }

  /** Puts messages in front of those that wait. */
  putBack(messages: readonly Waiting[]): void {
    const open = messages.filter(({ call }) => !call.settled);
    this.waiting.unshift(...open);
    this.waitingBytes += loadOf(open).bytes;
  }

  dropSettled(): void {
    this.waiting = this.waiting.filter(({ call }) => !call.settled);
    this.waitingBytes = loadOf(this.waiting).bytes;
  }

  succeeded(): void {
    this.failures = 0;
    this.isApart = false;
    this.notBefore = Number.NEGATIVE_INFINITY;
    if (this.most < Infinity) this.most *= 2;
    if (this.most >= narrowedMax) this.most = Number.POSITIVE_INFINITY;
  }

  failed(backOff: BackOff): void {
    this.failures += 1;
    this.notBefore =
      performance.now() + backOffMs(backOff, this.failures, undefined, Math.random());
  }

  /** The broker refused a batch of this many messages, and one of them may be at fault. */
  narrow(messages: number): void {
    this.most = Math.max(1, Math.floor(messages / 2));
  }
}

/** A batch of this many messages is not worth a limit any more. */
const narrowedMax = 512;
