import kafkajs from "kafkajs";
import type { WireMessage } from "./send-batch.ts";
import { type KafkaConnection, kafkaClientOf } from "../kafka-connection.ts";
import type { StageLogger } from "../../core/logger.ts";

const { CompressionTypes, Partitioners } = kafkajs;

/** Sends of fewer bytes travel as they are. */
const packedBytesMin = 16 * 1_024;

/** Name makes kafkajs give up at once instead of trying an abandoned batch again. */
class AbandonedError extends TypeError {
  override readonly name = "TypeError";
}

/**
 * One idempotent producer of the client, from its connection to its first
 * failure. After a send has failed for good its sequence numbers are worth
 * nothing: the session is abandoned and the next send opens another.
 */
export class ProducerSession {
  private readonly producer: kafkajs.Producer;
  private readonly choose = Partitioners.DefaultPartitioner();
  private connecting: Promise<void> | undefined;
  private abandoned = false;
  /** Partitions of the batch in flight, as the client chose them. */
  private readonly expected = new Set<string>();

  constructor(
    connection: KafkaConnection,
    logger: StageLogger,
    /** By topic; outlives the session. */
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

  /** @throws whatever the client throws; the batch is then unknown and the session to be abandoned */
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

  /** Ends it behind the caller's back; what is still in flight may or may not arrive. */
  abandon(inFlight: Promise<void>): void {
    this.abandoned = true;
    const disconnect = () => this.producer.disconnect();
    // Twice: a retry of the client reconnects a producer that was disconnected meanwhile.
    disconnect().catch(() => undefined);
    inFlight.then(disconnect, disconnect).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.abandoned = true;
    await this.producer.disconnect().catch(() => undefined);
  }

  /**
   * When a leader moves between two attempts of one batch to a broker that has
   * answered already, kafkajs leaves the partition out and reports success. A
   * batch counts only if every partition of it was answered.
   */
  private checkAllAnswered(acknowledged: readonly kafkajs.RecordMetadata[]): void {
    const answered = new Set(
      acknowledged
        .filter(({ errorCode }) => errorCode === 0)
        .map(({ topicName, partition }) => `${topicName}/${partition}`),
    );
    const missing = [...this.expected].filter((place) => !answered.has(place));
    if (missing.length > 0) throw new Error(`No acknowledgement for ${missing.join(", ")}.`);
  }

  private partitionOf(args: kafkajs.PartitionerArgs): number {
    if (this.abandoned) throw new AbandonedError("This producer was given up.");
    const count = args.partitionMetadata.length;
    this.partitionCounts.set(args.topic, count);
    const { key, partition } = args.message;
    const chosen = key == null ? (partition ?? 0) % count : this.choose(unplaced(args));
    this.expected.add(`${args.topic}/${chosen}`);
    return chosen;
  }
}

/**
 * Every partition's part is packed apart. Of a few small messages that saves little, and costs both sides
 * more than the rest of the send.
 */
function compressionOf(messages: readonly WireMessage[]): kafkajs.CompressionTypes {
  const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
  return bytes < packedBytesMin ? CompressionTypes.None : CompressionTypes.ZSTD;
}

/** The client's partitioner obeys `partition`, which here is only a hint for messages without key. */
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

/** The partition a keyed message goes to among `count`: Java's murmur2, as every other client. */
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
