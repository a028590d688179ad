/** Port: how far topics and groups are. Topics are named without prefix, groups as in `StageOptions.group`. */
export abstract class TopicOffsets {
  /** High watermarks by partition: the offset the next message will get. */
  abstract endOffsets(topic: string): Promise<ReadonlyMap<number, bigint>>;

  /** Committed offsets by partition; a partition without one is absent. */
  abstract committed(group: string, topic: string): Promise<ReadonlyMap<number, bigint>>;
}
