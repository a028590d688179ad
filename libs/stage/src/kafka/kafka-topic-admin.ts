import { retryWithBackOff } from "@sluice/domain";
import kafkajs from "kafkajs";
import { KafkaAdmin } from "./kafka-admin.ts";
import { type KafkaConnection, prefixed } from "./kafka-connection.ts";
import type { StageLogger } from "../core/logger.ts";
import { TopicAdmin, type TopicFound, type TopicPlan } from "../core/topic-admin.ts";

const { ConfigResourceTypes } = kafkajs;

const layoutAttemptsMax = 20;
const layoutPauseMs = 250;
/** For requests about a topic that was created a moment ago: 5 s at most, at constant intervals. */
const layoutRetry = {
  pauseMsAfter: (_error: unknown, failures: number) =>
    failures < layoutAttemptsMax ? layoutPauseMs : undefined,
};

export class KafkaTopicAdmin extends TopicAdmin {
  private readonly admin: KafkaAdmin;

  constructor(
    private readonly connection: KafkaConnection,
    logger?: StageLogger,
  ) {
    super();
    this.admin = new KafkaAdmin(connection, logger);
  }

  override async brokerCount(): Promise<number> {
    const { brokers } = await this.admin.ask((admin) => admin.describeCluster());
    return brokers.length;
  }

  override async create(plans: readonly TopicPlan[]): Promise<readonly string[]> {
    const there = new Set(await this.existing(plans.map(({ name }) => name)));
    const missing = plans.filter(({ name }) => !there.has(name));
    if (missing.length === 0) return [];
    await this.admin.ask((admin) =>
      admin.createTopics({
        // The client's own waiting fails while the broker does not know the topic yet.
        waitForLeaders: false,
        timeout: 30_000,
        topics: missing.map(({ name, partitions, replication, config }) => ({
          topic: prefixed(this.connection, name),
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        })),
      }),
    );
    await Promise.all(missing.map(({ name }) => this.untilServed(name)));
    return missing.map(({ name }) => name);
  }

  override async describe(names: readonly string[]): Promise<readonly TopicFound[]> {
    const there = await this.existing(names);
    if (there.length === 0) return [];
    const topics = there.map((name) => prefixed(this.connection, name));
    const layouts = await this.layoutsOf(topics);
    const { resources } = await this.admin.ask((admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
      }),
    );
    return there.map((name) => {
      const real = prefixed(this.connection, name);
      const layout = layouts.find((each) => each.name === real)?.partitions ?? [];
      const entries = resources.find((each) => each.resourceName === real)?.configEntries ?? [];
      return {
        name,
        partitions: layout.length,
        replication: layout[0]?.replicas.length ?? 0,
        config: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
      };
    });
  }

  override async remove(names: readonly string[]): Promise<void> {
    const topics = (await this.existing(names)).map((name) => prefixed(this.connection, name));
    if (topics.length === 0) return;
    await this.admin.ask((admin) => admin.deleteTopics({ topics, timeout: 30_000 }));
  }

  override async close(): Promise<void> {
    await this.admin.close();
  }

  /** Retries, because a topic that was created a moment ago is listed before its partitions have leaders. */
  private async layoutsOf(topics: string[]): Promise<kafkajs.ITopicMetadata[]> {
    const { topics: found } = await retryWithBackOff(
      () => this.admin.ask((admin) => admin.fetchTopicMetadata({ topics })),
      layoutRetry,
    );
    return found;
  }

  /**
   * Waits until the leaders return offsets. The broker names a leader before that leader knows and
   * accepts messages.
   */
  private async untilServed(name: string): Promise<void> {
    const topic = prefixed(this.connection, name);
    await retryWithBackOff(
      () => this.admin.ask((admin) => admin.fetchTopicOffsets(topic)),
      layoutRetry,
    );
  }

  private async existing(names: readonly string[]): Promise<string[]> {
    const all = new Set(await this.admin.ask((admin) => admin.listTopics()));
    return names.filter((name) => all.has(prefixed(this.connection, name)));
  }
}
