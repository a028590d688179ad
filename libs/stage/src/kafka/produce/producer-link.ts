import type { WireMessage } from "./send-batch.ts";

/**
 * What the broker recognises repeated batches by. It outlives connections: a batch whose
 * acknowledgement was lost is sent again with the same numbers, and the broker stores it once.
 */
export interface ProducerIdentity {
  readonly id: string;
  readonly epoch: number;
  /** The sequence number of the next message of each partition, by the name of its place. */
  readonly sequences: Map<string, number>;
}

/** The partitions of a topic, or why the broker does not describe them. */
export interface TopicLayout {
  readonly error?: Error;
  /** The node that leads each partition; -1 for a partition without leader. */
  readonly leaders: readonly number[];
}

/** The messages of one partition in one request. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly identity: ProducerIdentity;
  readonly firstSequence: number;
  readonly messages: readonly WireMessage[];
}

/**
 * The connections of one lane to the brokers. After any method has thrown, close the link and open
 * another one: the connection may still wait for the answer.
 */
export interface ProducerLink {
  /** Call this before any other method. @throws if no broker can be reached, or none accepts our account */
  connect(): Promise<void>;

  /** Returns one layout per topic. Trouble with one topic does not affect the others. @throws if no broker answers */
  layoutsOf(topics: readonly string[]): Promise<ReadonlyMap<string, TopicLayout>>;

  newIdentity(): Promise<ProducerIdentity>;

  /**
   * Sends batches of one identity to the node that leads their partitions. Returns for each batch null
   * if all in-sync replicas have acknowledged it, and otherwise the broker's error.
   *
   * @param ackMs how long the broker may wait for its replicas, in milliseconds
   * @throws if the node did not answer; which batches it has stored is then unknown
   */
  send(
    node: number,
    batches: readonly PartitionBatch[],
    ackMs: number,
  ): Promise<readonly (Error | null)[]>;

  /** Never rejects. */
  close(): Promise<void>;
}
