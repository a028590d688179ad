import { KafkaAdmin } from "./kafka-admin.ts";
import { groupIdOf, type KafkaConnection, prefixed } from "./kafka-connection.ts";
import { lagOfGroup } from "./consume/group-lag.ts";
import type { StageLogger } from "../core/logger.ts";

/** What a consumer group does with a topic, as the broker knows it. */
export interface GroupState {
  /** As in `StageOptions.group`. */
  readonly group: string;
  /** Without prefix. */
  readonly topic: string;
  /** Kafka's own word: `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance` or `Dead`. */
  readonly state: string;
  /** The partitions that no member reads. While the group rebalances, these are all partitions. */
  readonly unread: readonly number[];
  readonly lagMessages: number;
}

/** Reads the states of consumer groups from the broker, and not from the processes that are their members. */
export class KafkaGroups {
  readonly #connection: KafkaConnection;
  readonly #admin: KafkaAdmin;

  constructor(connection: KafkaConnection, logger?: StageLogger) {
    this.#connection = connection;
    this.#admin = new KafkaAdmin(connection, logger);
  }

  /** @throws TransientFault `STAGE_BROKER_UNAVAILABLE` */
  async stateOf(group: string, topic: string): Promise<GroupState> {
    const groupId = groupIdOf(this.#connection, group);
    const name = prefixed(this.#connection, topic);
    return this.#admin.ask(
      async (admin) => {
        const partitions = await lagOfGroup(admin, groupId, name);
        const { groups } = await admin.describeGroups([groupId]);
        const state = groups[0]?.state ?? "Dead";
        const unread = partitions.filter(({ isRead }) => state !== "Stable" || !isRead);
        return {
          group,
          topic,
          state,
          unread: unread.map(({ partition }) => partition),
          lagMessages: partitions.reduce((sum, { messages }) => sum + messages, 0),
        };
      },
      { kind: "read", topic: name, group: groupId },
    );
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }
}
