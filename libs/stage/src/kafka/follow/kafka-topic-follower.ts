import { type BackOff, doubledMs, sleep } from "@sluice/domain";
import { messageOf } from "../../core/faults.ts";
import { silentLogger, type StageLogger } from "../../core/logger.ts";
import { type RawMessage, rawMessageOf } from "../../core/raw-message.ts";
import { type Following, TopicFollower } from "../../core/topic-follower.ts";
import { brokerReasonOf } from "../broker-trouble.ts";
import { type Cluster, clusterOf, type FetchedPartition } from "../kafka-cluster.ts";
import { type KafkaConnection, kafkaClientOf, prefixed } from "../kafka-connection.ts";
import { advance, isBehind, type Position } from "./positions.ts";

/** A fetch waits this long for a message. A message that arrives ends the wait. */
const fetchWaitMs = 500;
const fetchBytesMax = 4 * 1_024 * 1_024;
const readCommitted = 1;
const backOff: BackOff = { firstMs: 250, maxMs: 3_000 };
const offsetOutOfRange = "OFFSET_OUT_OF_RANGE";

/**
 * Fetches through the client's connections, but not through its consumer, which cannot read without joining a group. A
 * group would add seconds to each start, and would need a right and leave an entry at the broker for every process.
 */
export class KafkaTopicFollower extends TopicFollower {
  constructor(
    private readonly connection: KafkaConnection,
    private readonly logger: StageLogger = silentLogger,
  ) {
    super();
  }

  override follow(
    topics: readonly string[],
    take: (messages: readonly RawMessage[]) => void,
  ): Following {
    const names = new Map(topics.map((topic) => [prefixed(this.connection, topic), topic]));
    const reading = new Reading(this.connection, this.logger, names, take);
    reading.start();
    return reading;
  }
}

class Reading implements Following {
  isCaughtUp = false;
  readonly caughtUp: Promise<void>;
  private readonly reached = Promise.withResolvers<void>();
  private readonly halted = new AbortController();
  /** Kept during an outage, so that nothing is read twice. */
  private positions: readonly Position[] = [];
  private cluster: Cluster | undefined;
  private ended: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: KafkaConnection,
    private readonly logger: StageLogger,
    /** Names without prefix, by those with it. */
    private readonly names: ReadonlyMap<string, string>,
    private readonly take: (messages: readonly RawMessage[]) => void,
  ) {
    this.caughtUp = this.reached.promise;
  }

  start(): void {
    this.ended = this.readUntilStopped();
  }

  async stop(): Promise<void> {
    this.halted.abort();
    await this.disconnect();
    await this.ended;
  }

  private async readUntilStopped(): Promise<void> {
    const { signal } = this.halted;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const cluster = await this.connected();
        await this.fetchOnce(cluster);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.report(error, failures);
        failures += 1;
        await this.disconnect();
        await sleep(doubledMs(backOff, failures), signal);
      }
    }
  }

  /** Connects again after every failure, which also finds new leaders. */
  private async connected(): Promise<Cluster> {
    if (this.cluster) return this.cluster;
    const retry = {
      retries: this.connection.brokers.length,
      initialRetryTime: 50,
      maxRetryTime: 200,
    };
    const cluster = clusterOf(kafkaClientOf(this.connection, this.logger, retry));
    this.cluster = cluster;
    await cluster.connect();
    await cluster.addMultipleTargetTopics([...this.names.keys()]);
    if (this.positions.length === 0) this.positions = await this.starting(cluster);
    this.noteProgress();
    return cluster;
  }

  private async starting(cluster: Cluster): Promise<readonly Position[]> {
    const wanted = [...this.names.keys()].map((topic) => ({
      topic,
      partitions: cluster
        .findTopicPartitionMetadata(topic)
        .map(({ partitionId: partition }) => ({ partition })),
    }));
    const offsetsOf = (fromBeginning: boolean) =>
      cluster.fetchTopicsOffset(wanted.map((each) => ({ ...each, fromBeginning })));
    const [begins, ends] = [await offsetsOf(true), await offsetsOf(false)];
    const endOf = new Map(
      ends.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => [`${topic}/${partition}`, BigInt(offset)]),
      ),
    );
    return begins.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }): Position => {
        const end = endOf.get(`${topic}/${partition}`) ?? 0n;
        return { topic, partition, next: BigInt(offset), end };
      }),
    );
  }

  /** Fetches from all leaders at the same time, so that the silence of one delays no other. */
  private async fetchOnce(cluster: Cluster): Promise<void> {
    const leaderOf = ({ topic, partition }: Position): number =>
      cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
        ?.leader ?? -1;
    const byLeader = Map.groupBy(this.positions, leaderOf);
    const behind = await Promise.all(
      [...byLeader].map(([leader, positions]) => this.fetchFrom(cluster, leader, positions)),
    );
    for (const { leader, position } of behind.flat())
      // oxlint-disable-next-line no-await-in-loop -- each of them needs a whole response
      await this.fetchFrom(cluster, leader, [position]);
    this.noteProgress();
  }

  /** Returns the positions for which the response had no room. */
  private async fetchFrom(cluster: Cluster, leader: number, positions: readonly Position[]) {
    const broker = await cluster.brokerPool.findBroker({ nodeId: String(leader) });
    const { responses } = await broker.fetch({
      maxWaitTime: fetchWaitMs,
      isolationLevel: readCommitted,
      topics: [...Map.groupBy(positions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
        topic,
        partitions: ofTopic.map(({ partition, next }) => ({
          partition,
          fetchOffset: String(next),
          maxBytes: fetchBytesMax,
        })),
      })),
    });
    if (this.halted.signal.aborted) return [];
    const isAlone = positions.length === 1;
    return responses.flatMap(({ topicName, partitions }) =>
      partitions.flatMap((fetched) => {
        const position = positions.find(
          ({ topic, partition }) => topic === topicName && partition === fetched.partition,
        );
        if (position === undefined) return [];
        const taken = this.pass(position, fetched, isAlone);
        return taken === 0 && isBehind(position, fetched) ? [{ leader, position }] : [];
      }),
    );
  }

  private pass(position: Position, fetched: FetchedPartition, isAlone: boolean): number {
    const { topic, partition } = position;
    const messages = advance(position, fetched, isAlone);
    const name = this.names.get(topic) ?? topic;
    if (messages.length > 0)
      this.take(messages.map((message) => rawMessageOf(name, partition, message)));
    return messages.length;
  }

  private noteProgress(): void {
    if (this.isCaughtUp || this.positions.some(({ next, end }) => next < end)) return;
    this.isCaughtUp = true;
    this.reached.resolve();
  }

  private report(error: unknown, failures: number): void {
    // The topic was deleted and created again, so that all of it is new.
    if (error instanceof Error && "type" in error && error.type === offsetOutOfRange)
      this.positions = [];
    if (failures > 0) return;
    const topic = [...this.names.values()].join(", ");
    const reason = brokerReasonOf(error, this.connection, { kind: "read", topic, group: "" });
    this.logger.warn(
      { topic, reason, error: messageOf(error) },
      "cannot follow the topics; trying again",
    );
  }

  private async disconnect(): Promise<void> {
    const { cluster } = this;
    this.cluster = undefined;
    await cluster?.disconnect().catch(() => undefined);
  }
}
