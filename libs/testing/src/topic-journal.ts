import { allTopics, deadLetterNameOf, type Topic, type TopicCodecs } from "@sluice/contracts";
import { type KafkaConnection, KafkaTopicLog, type RawMessage } from "@sluice/stage";

/**
 * The records of a topic from its beginning, read on request. Between two reads it has no connection,
 * so that an outage of the broker cannot make it lose its place, as a consumer could.
 */
export class TopicJournal<R> {
  readonly #connection: KafkaConnection;
  readonly #codecs: TopicCodecs;
  readonly #topic: Topic<R>;
  readonly #read = new Map<number, bigint>();
  readonly #records: R[] = [];

  constructor(connection: KafkaConnection, codecs: TopicCodecs, topic: Topic<R>) {
    this.#connection = connection;
    this.#codecs = codecs;
    this.#topic = topic;
  }

  get records(): readonly R[] {
    return this.#records;
  }

  /**
   * Reads the messages that were published since the last call. After a fault, the next call reads
   * the same messages again.
   *
   * @returns the number of new records
   * @throws TransientFault `STAGE_BROKER_UNAVAILABLE`
   */
  async catchUp(): Promise<number> {
    const log = new KafkaTopicLog(this.#connection);
    try {
      const extents = await log.extentsOf(this.#topic.name);
      const ahead = new Map(
        [...(extents ?? [])].map(([partition, { from, to }]) => {
          const read = this.#read.get(partition) ?? 0n;
          return [partition, { from: read > from ? read : from, to }] as const;
        }),
      );
      const messages: RawMessage[] = [];
      await log.read(this.#topic.name, ahead, (message) => messages.push(message));
      const values = messages.flatMap(({ value }) => value ?? []);
      const records = await Promise.all(
        values.map((value) => this.#codecs.decode(this.#topic, value)),
      );
      for (const record of records) this.#records.push(record);
      for (const [partition, { to }] of ahead) this.#read.set(partition, to);
      return records.length;
    } finally {
      await log.close();
    }
  }
}

export interface DeadLetterCount {
  /** The topic whose messages are dead letters. */
  readonly topic: string;
  readonly messages: number;
}

/** Returns every topic that has dead letters, with their number. */
export async function deadLetterCounts(
  connection: KafkaConnection,
): Promise<readonly DeadLetterCount[]> {
  const log = new KafkaTopicLog(connection);
  try {
    const counts = await Promise.all(
      allTopics
        .filter(({ deadLetter }) => deadLetter)
        .map(async ({ name: topic }) => {
          const extents = await log.extentsOf(deadLetterNameOf(topic));
          const sizes = [...(extents?.values() ?? [])].map(({ from, to }) => Number(to - from));
          return { topic, messages: sizes.reduce((sum, each) => sum + each, 0) };
        }),
    );
    return counts.filter(({ messages }) => messages > 0);
  } finally {
    await log.close();
  }
}
