import { randomUUID } from "node:crypto";
import { TransientFault } from "@sluice/domain";
import type kafkajs from "kafkajs";
import { messageOf } from "../core/faults.ts";
import { KafkaAdmin } from "./kafka-admin.ts";
import {
  groupIdOf,
  type KafkaConnection,
  kafkaClientOf,
  defaultClientRetry,
  prefixed,
} from "./kafka-connection.ts";
import { silentLogger, type StageLogger } from "../core/logger.ts";
import { type RawMessage, rawMessageOf } from "../core/raw-message.ts";
import { type Extent, TopicLog } from "../core/topic-log.ts";

/** Silence for this long is an outage: a join takes a broker 3 s at most, and a fetch 1 s. */
const silenceMsMax = 30_000;

/**
 * Reads as the only member of a temporary group, commits nothing and leaves afterwards, so that the
 * broker forgets the group. Groups are named `<prefix>sluice.look.<random>`, for a prefixed ACL.
 */
export class KafkaTopicLog extends TopicLog {
  private readonly admin: KafkaAdmin;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly logger: StageLogger = silentLogger,
  ) {
    super();
    this.admin = new KafkaAdmin(connection, logger);
  }

  override async extentsOf(topic: string): Promise<ReadonlyMap<number, Extent> | undefined> {
    const name = prefixed(this.connection, topic);
    return this.admin.ask(async (admin) => {
      if (!(await admin.listTopics()).includes(name)) return undefined;
      const offsets = await admin.fetchTopicOffsets(name);
      return new Map(
        offsets.map(({ partition, low, high }) => [
          partition,
          { from: BigInt(low), to: BigInt(high) },
        ]),
      );
    });
  }

  override async read(
    topic: string,
    extents: ReadonlyMap<number, Extent>,
    take: (message: RawMessage) => void,
  ): Promise<void> {
    const wanted = new Map([...extents].filter(([, { from, to }]) => from < to));
    if (wanted.size === 0) return;
    const group = groupIdOf(this.connection, `look.${randomUUID()}`);
    const client = kafkaClientOf(this.connection, this.logger, defaultClientRetry);
    const consumer = client.consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 250,
      retry: { ...defaultClientRetry },
    });
    try {
      await new Reading(consumer, topic, prefixed(this.connection, topic), wanted, take).end();
    } catch (error) {
      throw new TransientFault("STAGE_BROKER_UNAVAILABLE", messageOf(error), { cause: error });
    } finally {
      await consumer.disconnect().catch(() => undefined);
    }
  }

  override async close(): Promise<void> {
    await this.admin.close();
  }
}

class Reading {
  private readonly left: Map<number, Extent>;
  private readonly ended = Promise.withResolvers<void>();
  private readonly silence: NodeJS.Timeout;

  constructor(
    private readonly consumer: kafkajs.Consumer,
    private readonly topic: string,
    /** With prefix. */
    private readonly fullName: string,
    wanted: ReadonlyMap<number, Extent>,
    private readonly take: (message: RawMessage) => void,
  ) {
    this.left = new Map(wanted);
    this.silence = setTimeout(() => {
      this.ended.reject(new Error(`the broker sent nothing for ${silenceMsMax} ms`));
    }, silenceMsMax);
  }

  async end(): Promise<void> {
    try {
      // Listens before it begins, so that an early failure is noticed.
      this.consumer.on(this.consumer.events.CRASH, ({ payload }) =>
        this.ended.reject(payload.error),
      );
      this.consumer.on(this.consumer.events.START_BATCH_PROCESS, ({ payload }) => {
        if (payload.batchSize === 0) this.passed(payload.partition, payload.lastOffset);
      });
      await Promise.race([this.begin(), this.ended.promise]);
      await this.ended.promise;
    } finally {
      clearTimeout(this.silence);
    }
  }

  private async begin(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.fullName], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => this.takeBatch(batch),
    });
    for (const [partition, { from }] of this.left)
      this.consumer.seek({ topic: this.fullName, partition, offset: String(from) });
  }

  private takeBatch(batch: kafkajs.Batch): void {
    const { partition, messages } = batch;
    const extent = this.left.get(partition);
    if (!extent) return;
    for (const message of messages) {
      const offset = BigInt(message.offset);
      // Before its seek takes effect, a partition is read from its beginning, and then again.
      if (offset < extent.from) continue;
      if (offset < extent.to) this.take(rawMessageOf(this.topic, partition, message));
      this.left.set(partition, { ...extent, from: offset + 1n });
    }
    this.passed(partition, batch.lastOffset());
  }

  /** The end of an extent may be the marker of a transaction, which comes without a message. */
  private passed(partition: number, lastOffset: string): void {
    this.silence.refresh();
    const extent = this.left.get(partition);
    if (extent && BigInt(lastOffset) + 1n >= extent.to) this.left.delete(partition);
    if (this.left.size === 0) this.ended.resolve();
  }
}
