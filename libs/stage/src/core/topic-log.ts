import type { RawMessage } from "./raw-message.ts";

/** What stands in a partition: from the oldest offset that is kept to the one that comes next. */
export interface Extent {
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Port: looks at what stands on a topic, as bytes, and leaves no trace in any group. For people
 * who look; stages consume. Names are without prefix.
 */
export abstract class TopicLog {
  /** By partition; undefined for a topic that does not exist. @throws TransientFault `STAGE_BROKER_UNAVAILABLE` */
  abstract extentsOf(topic: string): Promise<ReadonlyMap<number, Extent> | undefined>;

  /**
   * Gives the messages of each partition between its offsets, in the order of the partition, the
   * partitions in any order; resolves when all were given. What retention has taken is left out.
   *
   * @throws TransientFault `STAGE_BROKER_UNAVAILABLE`, also when nothing came for 30 s
   */
  abstract read(
    topic: string,
    extents: ReadonlyMap<number, Extent>,
    take: (message: RawMessage) => void,
  ): Promise<void>;

  abstract close(): Promise<void>;
}
