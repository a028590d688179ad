import { KafkaAdmin } from "./kafka-admin.ts";
import { groupIdOf, type KafkaConnection, prefixed } from "./kafka-connection.ts";
import type { StageLogger } from "../core/logger.ts";
import { TopicOffsets } from "../core/topic-offsets.ts";

/**
 * Reads offsets from the broker. All methods throw TransientFault `STAGE_BROKER_UNAVAILABLE`
 * without a broker.
 */
export class KafkaTopicOffsets extends TopicOffsets {
  private readonly admin: KafkaAdmin;

  constructor(
    private readonly connection: KafkaConnection,
    logger?: StageLogger,
  ) {
    super();
    this.admin = new KafkaAdmin(connection, logger);
  }

  override async endOffsets(topic: string): Promise<ReadonlyMap<number, bigint>> {
    const name = prefixed(this.connection, topic);
    const offsets = await this.admin.ask((admin) => admin.fetchTopicOffsets(name), {
      kind: "read",
      topic: name,
      group: "",
    });
    return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]));
  }

  override async committed(group: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
    const groupId = groupIdOf(this.connection, group);
    const topics = [prefixed(this.connection, topic)];
    const found = await this.admin.ask((admin) => admin.fetchOffsets({ groupId, topics }), {
      kind: "read",
      topic: topics.join(),
      group: groupId,
    });
    return new Map(
      found
        .flatMap(({ partitions }) => partitions)
        .filter(({ offset }) => Number(offset) >= 0)
        .map(({ partition, offset }) => [partition, BigInt(offset)]),
    );
  }

  async close(): Promise<void> {
    await this.admin.close();
  }
}
