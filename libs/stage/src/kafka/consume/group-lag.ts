import kafkajs from "kafkajs";

/** What a consumer group has not finished of one partition, as the broker knows it. */
export interface PartitionLag {
  readonly partition: number;
  /**
   * Messages between the committed offset and the last stable offset. Messages of open transactions
   * cannot be read yet and do not count.
   */
  readonly messages: number;
  /** False if no member of the group reads the partition. True also while the group rebalances. */
  readonly isRead: boolean;
}

/**
 * Reads the lag of all partitions of the topic, whichever member reads them. A member that trusted
 * its own assignment would report no lag when it has lost that assignment.
 *
 * @throws what the client throws, for example without a broker
 */
export async function lagOfGroup(
  admin: kafkajs.Admin,
  groupId: string,
  topic: string,
): Promise<readonly PartitionLag[]> {
  const [extents, groups, described] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId, topics: [topic] }),
    admin.describeGroups([groupId]),
  ]);
  const committed = new Map(
    groups.flatMap(({ partitions }) => partitions).map((each) => [each.partition, each.offset]),
  );
  const read = readPartitionsOf(described.groups[0], topic);
  return extents.map(({ partition, low, high }) => ({
    partition,
    messages: Number(BigInt(high) - startOf(committed.get(partition), BigInt(low))),
    isRead: read?.has(partition) ?? true,
  }));
}

/** Messages that retention has deleted are not lag, and a group without an offset begins at the oldest. */
function startOf(committed: string | undefined, low: bigint): bigint {
  const offset = BigInt(committed ?? "-1");
  return offset > low ? offset : low;
}

/** Returns undefined if the group has no members or is about to assign the partitions again. */
function readPartitionsOf(
  group: kafkajs.GroupDescription | undefined,
  topic: string,
): ReadonlySet<number> | undefined {
  if (group?.state !== "Stable") return undefined;
  const assigned = group.members.flatMap(({ memberAssignment }) => {
    const decoded = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment);
    return decoded?.assignment[topic] ?? [];
  });
  return new Set(assigned);
}
