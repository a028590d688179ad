import type { RawMessage } from "./raw-message.ts";

/** The offsets in a partition, from the oldest that is kept to the next to be written. */
export interface Extent {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Port: reads the messages of a topic as bytes, without changing the offsets of any group. It serves
 * operators who inspect a topic. Names are without prefix.
 */
export abstract class TopicLog {
  /**
   * Returns the extent of each partition, or undefined if the topic does not exist.
   *
   * @throws TransientFault `STAGE_BROKER_UNAVAILABLE`
   */
  abstract extentsOf(topic: string): Promise<ReadonlyMap<number, Extent> | undefined>;

  /**
   * Passes the messages of each partition between its offsets to `take`, in the order of the
   * partition; the partitions may alternate. Resolves when all were passed. Messages that retention
   * has deleted are omitted.
   *
   * @throws TransientFault `STAGE_BROKER_UNAVAILABLE`, also after 30 s without a message
   */
  abstract read(
    topic: string,
    extents: ReadonlyMap<number, Extent>,
    take: (message: RawMessage) => void,
  ): Promise<void>;

  abstract close(): Promise<void>;
}
