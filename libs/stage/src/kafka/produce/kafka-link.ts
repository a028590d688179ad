import { createRequire } from "node:module";
import kafkajs from "kafkajs";
import { type Broker, type Cluster, clusterOf, type Metadata } from "../kafka-cluster.ts";
import { type KafkaConnection, kafkaClientOf } from "../kafka-connection.ts";
import type { StageLogger } from "../../core/logger.ts";
import type {
  PartitionBatch,
  ProducerIdentity,
  ProducerLink,
  TopicLayout,
} from "./producer-link.ts";
import type { WireMessage } from "./send-batch.ts";

const { CompressionTypes } = kafkajs;

/** Requests of fewer bytes are not compressed. */
const packedBytesMin = 16 * 1_024;

interface ProduceResponse {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

const load = createRequire(import.meta.url);
const protocol = "kafkajs/src/protocol";
const apiKeys: { readonly Produce: number; readonly Metadata: number } = load(
  `${protocol}/requests/apiKeys`,
);
const versions = {
  Produce: load(`${protocol}/requests/produce`) as unknown,
  Metadata: load(`${protocol}/requests/metadata`) as unknown,
};
const { createErrorFromCode }: { readonly createErrorFromCode: (code: number) => Error } = load(
  `${protocol}/error`,
);

/**
 * Publishes through the client's connections and encoders, but not through its producer. The client's
 * producer reports one error for a request of many partitions, sends all of them again, and cannot
 * connect at all while one topic of the cluster has a partition without leader.
 */
export class KafkaLink implements ProducerLink {
  private readonly cluster: Cluster;
  private connecting: Promise<void> | undefined;
  private isClosed = false;

  constructor(connection: KafkaConnection, logger: StageLogger) {
    // The lane repeats what fails. The client only tries each address of the broker once.
    const retry = {
      retries: connection.brokers.length,
      initialRetryTime: 50,
      maxRetryTime: 200,
    };
    this.cluster = clusterOf(kafkaClientOf(connection, logger, retry));
    const { brokerPool } = this.cluster;
    const { createBroker } = brokerPool;
    brokerPool.createBroker = (options) => {
      const broker = createBroker(options);
      broker.metadata = (topics) =>
        ask(broker, "Metadata", { topics, allowAutoTopicCreation: false });
      return broker;
    };
  }

  async connect(): Promise<void> {
    if (this.isClosed) throw new Error("This connection to Kafka was closed after a failure.");
    this.connecting ??= this.cluster.connect();
    await this.connecting;
  }

  async layoutsOf(topics: readonly string[]): Promise<ReadonlyMap<string, TopicLayout>> {
    await this.cluster.brokerPool.refreshMetadata(topics);
    const described = this.cluster.brokerPool.metadata?.topicMetadata ?? [];
    return new Map(
      topics.map((topic) => [topic, layoutOf(described.find((each) => each.topic === topic))]),
    );
  }

  async newIdentity(): Promise<ProducerIdentity> {
    const broker = await this.cluster.brokerPool.findConnectedBroker();
    const { producerId, producerEpoch } = await broker.initProducerId({
      transactionTimeout: 60_000,
    });
    return { id: producerId, epoch: producerEpoch, sequences: new Map() };
  }

  async send(
    node: number,
    batches: readonly PartitionBatch[],
    ackMs: number,
  ): Promise<readonly (Error | null)[]> {
    const broker = await this.brokerOf(node, batches);
    const answer = await ask<ProduceResponse>(broker, "Produce", {
      acks: -1,
      timeout: ackMs,
      compression: compressionOf(batches),
      producerId: batches[0]?.identity.id,
      producerEpoch: batches[0]?.identity.epoch,
      topicData: topicDataOf(batches),
    });
    return batches.map(({ topic, partition }) => {
      const code = answer.topics
        .find(({ topicName }) => topicName === topic)
        ?.partitions.find((each) => each.partition === partition)?.errorCode;
      if (code === undefined)
        return new Error(`The broker did not answer for ${topic}/${partition}.`);
      return code === 0 ? null : createErrorFromCode(code);
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const disconnect = () => this.cluster.disconnect().catch(() => undefined);
    // Disconnects twice, because the client may have been connecting meanwhile.
    await disconnect();
    void this.connecting?.then(disconnect, disconnect);
  }

  /** A new link does not know the nodes of leaders that another one has found. */
  private async brokerOf(node: number, batches: readonly PartitionBatch[]): Promise<Broker> {
    const { brokerPool } = this.cluster;
    if (brokerPool.metadata === null)
      await brokerPool.refreshMetadata([...new Set(batches.map(({ topic }) => topic))]);
    return brokerPool.findBroker({ nodeId: String(node) });
  }
}

/** Returns the answer as decoded. The client's own parsers throw for the first error of any topic or partition in it. */
async function ask<Answer>(
  broker: Broker,
  kind: "Produce" | "Metadata",
  args: unknown,
): Promise<Answer> {
  const { response, ...others } = broker.lookupRequest(apiKeys[kind], versions[kind])(args);
  const lenient = { ...others, response: { ...response, parse: async (data: unknown) => data } };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the decoder of the request gives it this type
  return (await broker.connectionPool.send(lenient)) as Answer;
}

function layoutOf(described: Metadata["topicMetadata"][number] | undefined): TopicLayout {
  if (!described)
    return { error: new Error("The broker did not describe the topic."), leaders: [] };
  const { topicErrorCode, partitionMetadata } = described;
  if (topicErrorCode !== 0) return { error: createErrorFromCode(topicErrorCode), leaders: [] };
  const leaders = partitionMetadata.map(() => -1);
  for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader;
  return { leaders };
}

function topicDataOf(batches: readonly PartitionBatch[]): unknown {
  const byTopic = Map.groupBy(batches, ({ topic }) => topic);
  return [...byTopic].map(([topic, partitions]) => ({
    topic,
    partitions: partitions.map(({ partition, firstSequence, messages }) => ({
      partition,
      firstSequence,
      messages: messages.map(recordOf),
    })),
  }));
}

function recordOf({ key, value, headers }: WireMessage): unknown {
  return { key, value, headers };
}

/**
 * Returns the codec. The messages of each partition are compressed separately. For a few small
 * messages that saves little, and costs both sides more than the rest of the send.
 */
function compressionOf(batches: readonly PartitionBatch[]): kafkajs.CompressionTypes {
  const bytes = batches
    .flatMap(({ messages }) => messages)
    .reduce((sum, message) => sum + message.bytes, 0);
  return bytes < packedBytesMin ? CompressionTypes.None : CompressionTypes.ZSTD;
}
