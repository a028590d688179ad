/**
 * Port: reads the offsets of topics and groups. Topics are named without prefix, groups as in
 * `StageOptions.group`.
 */
export abstract class TopicOffsets {
  /** Returns the high watermark of each partition, which is the offset of the next message. */
  abstract endOffsets(topic: string): Promise<ReadonlyMap<number, bigint>>;

  /** Returns the committed offset of each partition. A partition without one is absent. */
  abstract committed(group: string, topic: string): Promise<ReadonlyMap<number, bigint>>;
}
