import { type Fault, sleep, TransientFault } from "@sluice/domain";
import { brokerReasonOf } from "../broker-trouble.ts";
import type { KafkaConnection } from "../kafka-connection.ts";
import type { StageLogger } from "../../core/logger.ts";
import type { ProducerMetrics } from "../../core/metrics.ts";
import { Call } from "./call.ts";
import { KafkaLink } from "./kafka-link.ts";
import { Lane, type Numbering } from "./lane.ts";
import { Places } from "./places.ts";
import type { ProducerLink } from "./producer-link.ts";
import { defaultSendLimits, type Pace, type SendLimits, type WireMessage } from "./send-batch.ts";

export interface KafkaProducerOptions {
  /** After this time a send is rejected as an outage, in milliseconds; default 30,000, for ingress 2,000. */
  readonly sendTimeoutMs?: number;
  /** The pause between send batches; messages that arrive in between share one. Default: always 5 ms. */
  readonly pace?: Pace;
  /** The most messages that may wait; default 10,000. Partitions that fail may use half of it. */
  readonly queueMessagesMax?: number;
  /** The most bytes that may wait; default 64 MiB. Partitions that fail may use half of it. */
  readonly queueBytesMax?: number;
  readonly limits?: SendLimits;
}

/** How long to wait for a connection, in milliseconds. If there are several addresses, the next one may answer. */
const connectMs = { ofOne: 10_000, ofSeveral: 3_000 };
/** The longest time to wait for an answer of a broker, in milliseconds. */
const answerMsMax = 15_000;

/**
 * Publishes per partition: what the broker does not accept for one partition delays no other one.
 * Partitions share requests in one lane. Those whose answers take long or do not come are sent in a
 * second lane, on connections of its own, until they answer again.
 */
export class KafkaProducer {
  private readonly places = new Places();
  private readonly lanes: readonly Lane[];
  private readonly options: Required<KafkaProducerOptions>;
  /** The calls that wait. */
  private readonly calls = new Set<Call>();
  private closed = false;
  private sweeping: NodeJS.Immediate | undefined;

  constructor(
    connection: Pick<KafkaConnection, "sasl" | "brokers">,
    logger: StageLogger,
    private readonly metrics: ProducerMetrics,
    openLink: () => ProducerLink,
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
    const { sendTimeoutMs, pace, limits } = this.options;
    const numbering: Numbering = { identity: undefined };
    const answerMs = Math.min(sendTimeoutMs / 2, answerMsMax);
    // Shorter than the time limit of a send, so that a send gets through soon after an outage.
    const backOff = {
      firstMs: Math.min(100, sendTimeoutMs / 8),
      maxMs: Math.min(1_000, sendTimeoutMs / 4),
    };
    const lane = (isApart: boolean) =>
      new Lane({
        isApart,
        places: this.places,
        numbering,
        openLink,
        pace,
        limits,
        answerMs,
        connectMs:
          connection.brokers.length > 1 ? Math.min(connectMs.ofSeveral, answerMs) : connectMs.ofOne,
        backOff,
        logger,
        metrics,
        reasonOf: (error, topic) =>
          brokerReasonOf(error, connection, { kind: "write", topics: [topic] }),
        reject: (call, fault) => this.reject(call, fault),
        onLanded: () => this.kick(),
      });
    this.lanes = [lane(false), lane(true)];
  }

  static on(
    connection: KafkaConnection,
    logger: StageLogger,
    metrics: ProducerMetrics,
    options: KafkaProducerOptions = {},
  ): KafkaProducer {
    let opened = 0;
    // A client begins with the first address, and stays there if a broker accepts and then does not answer.
    const openLink = () =>
      new KafkaLink({ ...connection, brokers: rotated(connection.brokers, opened++) }, logger);
    return new KafkaProducer(connection, logger, metrics, openLink, options);
  }

  /** Publishes bytes, as {@link EventProducer.send} does for records. */
  async publish(messages: readonly WireMessage[]): Promise<void> {
    if (messages.length === 0) return;
    this.refuseWhenFull(messages);
    const call = new Call(messages.length, this.options.sendTimeoutMs, (late) => this.giveUp(late));
    this.calls.add(call);
    try {
      this.places.add(messages, call);
      this.kick();
      await call.done;
    } finally {
      this.calls.delete(call);
    }
  }

  /** Sends the waiting messages, each call within its own time limit, and disconnects. */
  async close(): Promise<void> {
    this.closed = true;
    while (this.calls.size > 0) await sleep(5);
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }

  private kick(): void {
    for (const lane of this.lanes) lane.kick();
  }

  private refuseWhenFull(messages: readonly WireMessage[]): void {
    if (this.closed)
      throw new TransientFault(
        "STAGE_PRODUCER_CLOSED",
        "The producer is closing and accepts no more messages.",
      );
    this.refuseBeyond(1, this.places.load(), messages, "wait for the broker");
    // Otherwise one partition that fails would fill the queue of all others.
    const late = messages.filter((message) => this.places.isFailing(message));
    if (late.length === 0) return;
    const failing = this.places.load(({ failures }) => failures > 0);
    this.refuseBeyond(1 / 2, failing, late, "wait for partitions that accept none");
  }

  private refuseBeyond(
    share: number,
    load: { readonly messages: number; readonly bytes: number },
    more: readonly WireMessage[],
    what: string,
  ): void {
    const tooMany = load.messages + more.length > this.options.queueMessagesMax * share;
    const tooLarge = load.bytes + bytesOf(more) > this.options.queueBytesMax * share;
    // A call that is larger than the whole queue is accepted when the queue is empty, or it could never be
    // sent.
    if ((tooMany || tooLarge) && load.messages > 0)
      throw new TransientFault(
        "STAGE_PRODUCER_FULL",
        `The producer already holds ${load.messages} messages that ${what}.`,
      );
  }

  private giveUp(call: Call): void {
    const { sendTimeoutMs } = this.options;
    const last = call.trouble === undefined ? "" : ` The last try failed: ${call.trouble}`;
    const reason = `The broker did not acknowledge all messages within ${sendTimeoutMs} ms; which of them arrived is unknown.${last}`;
    this.reject(call, new TransientFault("STAGE_BROKER_UNAVAILABLE", reason));
    // Once per turn of the event loop, because in an outage many calls are late together.
    this.sweeping ??= setImmediate(() => this.sweep());
  }

  private reject(call: Call, fault: Fault): void {
    this.metrics.failed(fault.code);
    call.reject(fault);
  }

  /** Drops messages whose call was rejected. The calling code sends them again. */
  private sweep(): void {
    this.sweeping = undefined;
    for (const place of this.places.all) place.dropSettled();
    this.kick();
  }
}

/** Returns the list from the given place on, and then its beginning. */
function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const from = by % Math.max(list.length, 1);
  return [...list.slice(from), ...list.slice(0, from)];
}

function bytesOf(messages: readonly WireMessage[]): number {
  return messages.reduce((sum, { bytes }) => sum + bytes, 0);
}
