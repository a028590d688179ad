import type kafkajs from "kafkajs";
import type { FetchedRecord } from "./records/record-batch.ts";

interface ProtocolRequest {
  readonly request: unknown;
  readonly response: {
    decode(bytes: Buffer): Promise<unknown>;
    parse(data: unknown): Promise<unknown>;
  };
}
/** The members of the client's internal classes that this package uses. */
export interface Broker {
  metadata(topics: readonly string[]): Promise<unknown>;
  initProducerId(args: {
    transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  lookupRequest(apiKey: number, versions: unknown): (args: unknown) => ProtocolRequest;
  fetch(args: {
    readonly maxWaitTime: number;
    readonly isolationLevel: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }[];
    }[];
  }): Promise<FetchAnswer>;
  readonly connectionPool: { send(request: ProtocolRequest): Promise<unknown> };
}
export interface Cluster {
  readonly brokerPool: {
    createBroker: (options: unknown) => Broker;
    readonly metadata: Metadata | null;
    refreshMetadata(topics: readonly string[]): Promise<void>;
    findConnectedBroker(): Promise<Broker>;
    findBroker(node: { readonly nodeId: string }): Promise<Broker>;
  };
  connect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(
    topic: string,
  ): readonly { readonly partitionId: number; readonly leader: number }[];
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      readonly fromBeginning: boolean;
    }[],
  ): Promise<
    readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[]
  >;
  disconnect(): Promise<void>;
}
export interface Metadata {
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionId: number;
      readonly leader: number;
    }[];
  }[];
}
export interface FetchAnswer {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPartition[];
  }[];
}
export interface FetchedPartition {
  readonly partition: number;
  /** The offset behind the last message that all in-sync replicas have. */
  readonly highWatermark: string;
  readonly messages: readonly FetchedRecord[];
}

/** Returns connections of their own, which the client makes for each of its producers and consumers. */
export function clusterOf(client: kafkajs.Kafka): Cluster {
  const create = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === "private:Kafka:createCluster",
  )!;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- so it is in the version that assertClientVersion demands
  const make = Reflect.get(client, create) as (options: unknown) => Cluster;
  return make({
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
  });
}
