import { setImmediate as nextTurn } from "node:timers/promises";
import { PermanentFault, sleep, TransientFault, withTimeout } from "@sluice/domain";
import { brokerReasonOf } from "../broker-trouble.ts";
import { messageOf } from "../../core/faults.ts";
import {
  defaultSendLimits,
  type SendLimits,
  sendBatchLength,
  type Pace,
  pauseAfter,
  type WireMessage,
} from "./send-batch.ts";
import type { KafkaConnection } from "../kafka-connection.ts";
import type { StageLogger } from "../../core/logger.ts";
import type { ProducerMetrics } from "../../core/metrics.ts";
import { partitionAmong, ProducerSession } from "./producer-session.ts";

export interface KafkaProducerOptions {
  /** After this time a send is rejected as an outage, in milliseconds; default 30,000, for ingress 2,000. */
  readonly sendTimeoutMs?: number;
  /** The pause between send batches; messages that arrive in between share one. Default: always 5 ms. */
  readonly pace?: Pace;
  /** The most messages that may wait; default 10,000. */
  readonly queueMessagesMax?: number;
  /** The most bytes that may wait; default 64 MiB. */
  readonly queueBytesMax?: number;
  readonly limits?: SendLimits;
}

/** One call of `publish`. Its messages may be in several send batches. */
class Call {
  /** Set when a batch with messages of several calls was refused, to find the refused message. */
  alone = false;
  settled = false;
  private open: number;
  private readonly timer: NodeJS.Timeout;
  private readonly end = Promise.withResolvers<void>();
  readonly done = this.end.promise;

  constructor(messages: number, timeoutMs: number, late: (call: Call) => void) {
    this.open = messages;
    this.timer = setTimeout(() => late(this), timeoutMs);
  }

  acknowledgeOne(): void {
    this.open -= 1;
    if (this.open > 0 || this.settled) return;
    this.settle();
    this.end.resolve();
  }

  reject(fault: Error): void {
    if (this.settled) return;
    this.settle();
    this.end.reject(fault);
  }

  private settle(): void {
    this.settled = true;
    clearTimeout(this.timer);
  }
}

interface Waiting {
  readonly message: WireMessage;
  readonly call: Call;
}

/**
 * Sends one batch at a time. Messages that arrive meanwhile wait and form the next batch. With
 * several batches at once the idempotent producer would lose acknowledged messages when an
 * acknowledgement is lost.
 */
export class KafkaProducer {
  private waiting: Waiting[] = [];
  private queueBytes = 0;
  private session: ProducerSession | undefined;
  private pumping: Promise<void> | undefined;
  private closed = false;
  private nextSendAt = Number.NEGATIVE_INFINITY;
  private readonly partitionCounts = new Map<string, number>();
  private readonly options: Required<KafkaProducerOptions>;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly logger: StageLogger,
    private readonly metrics: ProducerMetrics,
    options: KafkaProducerOptions = {},
  ) {
    this.options = {
      sendTimeoutMs: 30_000,
      pace: { leastMs: 5, mostMs: 5 },
      queueMessagesMax: 10_000,
      queueBytesMax: 64 * 1_024 * 1_024,
      limits: defaultSendLimits,
      ...options,
    };
  }

  /** Publishes bytes, as {@link EventProducer.send} does for records. */
  async publish(messages: readonly WireMessage[]): Promise<void> {
    if (messages.length === 0) return;
    this.refuseWhenFull(messages);
    const call = new Call(messages.length, this.options.sendTimeoutMs, (late) => this.giveUp(late));
    for (const message of messages) this.waiting.push({ message, call });
    this.queueBytes += bytesOf(messages);
    this.pump();
    await call.done;
  }

  /** Sends the waiting messages, each call within its own time limit, and disconnects. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pumping;
    await this.session?.close();
    this.session = undefined;
  }

  private refuseWhenFull(messages: readonly WireMessage[]): void {
    if (this.closed)
      throw new TransientFault(
        "STAGE_PRODUCER_CLOSED",
        "The producer is closing and accepts no more messages.",
      );
    const tooMany = this.waiting.length + messages.length > this.options.queueMessagesMax;
    const tooLarge = this.queueBytes + bytesOf(messages) > this.options.queueBytesMax;
    // A call that is larger than the whole queue is accepted when the queue is empty, or it could never be
    // sent.
    if ((tooMany || tooLarge) && this.waiting.length > 0)
      throw new TransientFault(
        "STAGE_PRODUCER_FULL",
        `The producer already holds ${this.waiting.length} messages that wait for the broker.`,
      );
  }

  private giveUp(call: Call): void {
    const { sendTimeoutMs } = this.options;
    call.reject(
      new TransientFault(
        "STAGE_BROKER_UNAVAILABLE",
        `The broker did not acknowledge all messages within ${sendTimeoutMs} ms; which of them arrived is unknown.`,
      ),
    );
    this.dropSettled();
  }

  private pump(): void {
    this.pumping ??= this.pumpAll().finally(() => {
      this.pumping = undefined;
      if (this.waiting.length > 0) this.pump();
    });
  }

  private async pumpAll(): Promise<void> {
    // Waits one turn of the event loop, so that calls of the same moment share a batch. The messages of one
    // fetch are processed together, for all partitions, and are ready within the same turn.
    await nextTurn();
    while (this.waiting.length > 0) {
      const leftMs = this.nextSendAt - performance.now();
      if (leftMs >= 1) await sleep(leftMs);
      const batch = this.takeSendBatch();
      this.nextSendAt = performance.now() + pauseAfter(batch.length, this.options.pace);
      try {
        await this.sendBatch(batch.map(({ message }) => message));
        for (const { call } of batch) call.acknowledgeOne();
      } catch (error) {
        this.sendFailed(batch, error);
      }
    }
  }

  private takeSendBatch(): Waiting[] {
    const first = this.waiting[0]!;
    const sameCall = this.waiting.findIndex(({ call }) => call !== first.call);
    const nextAlone = this.waiting.findIndex(({ call }) => call.alone);
    let candidates = this.waiting.length;
    if (first.call.alone) candidates = sameCall === -1 ? candidates : sameCall;
    else if (nextAlone !== -1) candidates = nextAlone;

    const length = sendBatchLength(
      this.waiting.slice(0, candidates).map(({ message }) => message),
      this.options.limits,
      (message) => this.placeOf(message),
    );
    const batch = this.waiting.splice(0, length);
    this.queueBytes -= bytesOf(batch.map(({ message }) => message));
    this.metrics.waiting(this.waiting.length);
    return batch;
  }

  private placeOf(message: WireMessage): string {
    const count = this.partitionCounts.get(message.topic);
    return count ? `${message.topic}/${partitionAmong(count, message)}` : message.topic;
  }

  private async sendBatch(messages: readonly WireMessage[]): Promise<void> {
    const { sendTimeoutMs } = this.options;
    this.session ??= new ProducerSession(this.connection, this.logger, this.partitionCounts);
    const sending = this.session.send(messages);
    try {
      await withTimeout(sending, sendTimeoutMs, () => {
        throw new Error(`The broker did not answer within ${sendTimeoutMs} ms.`);
      });
      this.metrics.published(messages.length);
    } catch (error) {
      this.session.abandon(sending);
      this.session = undefined;
      throw error;
    }
  }

  private sendFailed(batch: readonly Waiting[], error: unknown): void {
    const calls = new Set(batch.map(({ call }) => call).filter(({ settled }) => !settled));
    const refused = isRefusal(error);
    if (refused && calls.size > 1) {
      // One of the calls is at fault, so each of them is sent again alone.
      for (const call of calls) call.alone = true;
      const again = batch.filter(({ call }) => !call.settled);
      this.waiting.unshift(...again);
      this.queueBytes += bytesOf(again.map(({ message }) => message));
      return;
    }
    const fault = refused
      ? new PermanentFault("STAGE_MESSAGE_REFUSED", messageOf(error), { cause: error })
      : this.outageOf(error, batch);
    this.metrics.failed(fault.code);
    for (const call of calls) call.reject(fault);
    this.dropSettled();
  }

  private outageOf(cause: unknown, batch: readonly Waiting[]): TransientFault {
    const topics = [...new Set(batch.map(({ message }) => message.topic))];
    const reason = brokerReasonOf(cause, this.connection, { kind: "write", topics });
    return new TransientFault("STAGE_BROKER_UNAVAILABLE", reason, { cause });
  }

  /** Drops messages whose call has been rejected. The calling code sends them again. */
  private dropSettled(): void {
    this.waiting = this.waiting.filter(({ call }) => !call.settled);
    this.queueBytes = bytesOf(this.waiting.map(({ message }) => message));
  }
}

function bytesOf(messages: readonly WireMessage[]): number {
  return messages.reduce((sum, { bytes }) => sum + bytes, 0);
}

const refusals = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"]);

/**
 * Returns true if waiting cannot help. A missing right or topic can be repaired by an operator, so
 * it is not a refusal.
 */
function isRefusal(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    if ("type" in cause && typeof cause.type === "string" && refusals.has(cause.type)) return true;
    cause = cause.cause;
  }
  return false;
}
