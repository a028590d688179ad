import type { TopicCodecs } from "@sluice/contracts";
import { PermanentFault, TransientFault } from "@sluice/domain";
import { isDeadLetter, type Outgoing, type Publishable } from "../../core/effects.ts";
import { EventProducer } from "../../core/event-producer.ts";
import { sizeOf, type WireMessage } from "./send-batch.ts";
import { type KafkaConnection, prefixed } from "../kafka-connection.ts";
import { KafkaProducer, type KafkaProducerOptions } from "./kafka-producer.ts";
import { silentLogger, type StageLogger } from "../../core/logger.ts";
import { type MetricsFactory, NoMetrics } from "../../core/metrics.ts";

export interface KafkaEventProducerOptions extends KafkaProducerOptions {
  readonly connection: KafkaConnection;
  readonly codecs: TopicCodecs;
  readonly logger?: StageLogger;
  /**
   * Returns the names of further topics, without prefix, that get a copy of the message in the same send: the same key,
   * bytes and headers. A message is acknowledged only if all its copies are. None when absent.
   */
  readonly alsoTo?: (message: Outgoing) => readonly string[];
  /** None when absent. */
  readonly metrics?: MetricsFactory;
}

export class KafkaEventProducer extends EventProducer {
  private readonly producer: KafkaProducer;
  private readonly connection: KafkaConnection;
  private readonly codecs: TopicCodecs;
  private readonly alsoTo: (message: Outgoing) => readonly string[];
  private readonly prepared = new Set<string>();

  constructor(options: KafkaEventProducerOptions) {
    super();
    const { connection, codecs, logger = silentLogger, ...others } = options;
    const { metrics = new NoMetrics(), alsoTo = () => [], ...limits } = others;
    this.connection = connection;
    this.codecs = codecs;
    this.alsoTo = alsoTo;
    this.producer = KafkaProducer.on(connection, logger, metrics.forProducer(), limits);
  }

  override async send(messages: readonly Publishable[]): Promise<void> {
    await this.prepare(messages);
    await this.producer.publish(messages.flatMap((message) => this.wiresOf(message)));
  }

  /** Sends the waiting messages and disconnects. Later sends are rejected. */
  async close(): Promise<void> {
    await this.producer.close();
  }

  private async prepare(messages: readonly Publishable[]): Promise<void> {
    const fresh = messages
      .flatMap((message) => (isDeadLetter(message) ? [] : [message.topic]))
      .filter(({ name }) => !this.prepared.has(name));
    if (fresh.length === 0) return;
    await this.codecs.prepare([...new Set(fresh)]).catch((error: unknown) => {
      // A schema is missing when a release has not registered it yet. Messages must wait for it, and must
      // not be dead-lettered.
      if (!(error instanceof PermanentFault)) throw error;
      throw new TransientFault(error.code, error.message, { cause: error });
    });
    for (const { name } of fresh) this.prepared.add(name);
  }

  private wiresOf(message: Publishable): readonly WireMessage[] {
    const wire = this.wireOf(message);
    if (isDeadLetter(message)) return [wire];
    const further = this.alsoTo(message).map((name) => prefixed(this.connection, name));
    return [wire, ...further.map((topic) => ({ ...wire, topic }))];
  }

  private wireOf(message: Publishable): WireMessage {
    const wire = isDeadLetter(message)
      ? {
          topic: prefixed(this.connection, message.topic),
          key: message.key,
          value: message.value,
          headers: message.headers,
          partitionHint: message.partition,
        }
      : this.encoded(message);
    return { ...wire, bytes: sizeOf(wire) };
  }

  private encoded({ topic, key, record, headers }: Outgoing): Omit<WireMessage, "bytes"> {
    return {
      topic: prefixed(this.connection, topic.name),
      key: Buffer.from(key),
      value: record === null ? null : this.codecs.encode(topic, record),
      headers: headers ?? {},
      partitionHint: 0,
    };
  }
}
