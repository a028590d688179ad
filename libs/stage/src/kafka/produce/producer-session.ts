import kafkajs from "kafkajs";
import type { WireMessage } from "./send-batch.ts";
import { type KafkaConnection, kafkaClientOf } from "../kafka-connection.ts";
import type { StageLogger } from "../../core/logger.ts";

const { CompressionTypes, Partitioners } = kafkajs;

/** Sends of fewer bytes are not compressed. */
const packedBytesMin = 16 * 1_024;

/** Its name makes kafkajs give up at once instead of trying an abandoned batch again. */
class AbandonedError extends TypeError {
  override readonly name = "TypeError";
}

/**
 * Holds one idempotent producer of the client, from its connection to its first failure. After a
 * send has failed for good, the producer's sequence numbers are no longer valid. The session is then
 * abandoned, and the next send opens another one.
 */
export class ProducerSession {
  private readonly producer: kafkajs.Producer;
  private readonly choose = Partitioners.DefaultPartitioner();
  private connecting: Promise<void> | undefined;
  private abandoned = false;
  /** The partitions of the batch being sent, as the client chose them. */
  private readonly expected = new Set<string>();

  constructor(
    connection: KafkaConnection,
    logger: StageLogger,
    /** Number of partitions by topic. Outlives the session. */
    private readonly partitionCounts: Map<string, number>,
  ) {
    const retry = { retries: 8, initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2 };
    this.producer = kafkaClientOf(connection, logger, retry).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry,
      createPartitioner: () => (args) => this.partitionOf(args),
    });
  }

  /** @throws what the client throws. It is then unknown which messages arrived; abandon the session. */
  async send(messages: readonly WireMessage[]): Promise<void> {
    this.connecting ??= this.producer.connect();
    await this.connecting;
    this.expected.clear();
    const acknowledged = await this.producer.sendBatch({
      acks: -1,
      compression: compressionOf(messages),
      topicMessages: topicMessagesOf(messages),
    });
    this.checkAllAnswered(acknowledged);
  }

  /** Ends the session in the background. Messages that are being sent may or may not arrive. */
  abandon(sending: Promise<void>): void {
    this.abandoned = true;
    const disconnect = () => this.producer.disconnect();
    // Disconnects twice, because a retry of the client reconnects a producer that was disconnected meanwhile.
    disconnect().catch(() => undefined);
    sending.then(disconnect, disconnect).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.abandoned = true;
    await this.producer.disconnect().catch(() => undefined);
  }

  /**
   * Checks that the broker acknowledged every partition of the batch. If a leader moves between two
   * attempts to a broker that has answered already, kafkajs omits the partition and reports success.
   */
  private checkAllAnswered(acknowledged: readonly kafkajs.RecordMetadata[]): void {
    const answered = new Set(
      acknowledged
        .filter(({ errorCode }) => errorCode === 0)
        .map(({ topicName, partition }) => `${topicName}/${partition}`),
    );
    const missing = [...this.expected].filter((place) => !answered.has(place));
    if (missing.length > 0)
      throw new Error(`The broker did not acknowledge ${missing.join(", ")}.`);
  }

  private partitionOf(args: kafkajs.PartitionerArgs): number {
    if (this.abandoned) throw new AbandonedError("This producer was abandoned after a failure.");
    const count = args.partitionMetadata.length;
    this.partitionCounts.set(args.topic, count);
    const { key, partition } = args.message;
    const chosen = key == null ? (partition ?? 0) % count : this.choose(unplaced(args));
    this.expected.add(`${args.topic}/${chosen}`);
    return chosen;
  }
}

/**
 * Returns the codec. The messages of each partition are compressed separately. For a few small
 * messages that saves little, and costs both sides more than the rest of the send.
 */
function compressionOf(messages: readonly WireMessage[]): kafkajs.CompressionTypes {
  const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
  return bytes < packedBytesMin ? CompressionTypes.None : CompressionTypes.ZSTD;
}

/**
 * Removes `partition`, which the client's partitioner obeys and which is only a hint for messages
 * without key here.
 */
function unplaced(args: kafkajs.PartitionerArgs): kafkajs.PartitionerArgs {
  const { partition: _hint, ...message } = args.message;
  return { ...args, message };
}

function topicMessagesOf(messages: readonly WireMessage[]): kafkajs.TopicMessages[] {
  const byTopic = new Map<string, kafkajs.Message[]>();
  for (const { topic, key, value, headers, partitionHint } of messages) {
    const list = byTopic.get(topic) ?? [];
    list.push({ key, value, headers: { ...headers }, partition: partitionHint });
    byTopic.set(topic, list);
  }
  return [...byTopic].map(([topic, list]) => ({ topic, messages: list }));
}

const murmur2 = Partitioners.DefaultPartitioner();

/** Returns the partition of a message among `count`, by Java's murmur2 as all Kafka clients do. */
export function partitionAmong(count: number, message: WireMessage): number {
  if (message.key === null) return message.partitionHint % count;
  const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return murmur2({ topic: message.topic, partitionMetadata, message: { ...message, headers: {} } });
}
