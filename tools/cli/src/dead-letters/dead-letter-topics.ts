import {
  deadLetterNameOf,
  RegistryTopicCodecs,
  SchemaRegistryClient,
  type Topic,
} from "@sluice/contracts";
import { TransientFault } from "@sluice/domain";
import { type Extent, KafkaEventProducer, KafkaTopicLog, type RawMessage } from "@sluice/stage";
import type { TopicsAddress } from "../addresses.ts";
import { type DeadLetter, topicsWithDeadLetters, type MessagePosition } from "./dead-letter.ts";

export interface DeadLetterFilter {
  /** All topics if it is undefined. */
  readonly topic: Topic<unknown> | undefined;
  readonly code: string | undefined;
  /** How many of the newest messages of each partition to read. */
  readonly scan: number;
}

/** Returns what a command has to know of a dead letter, without its bytes. */
export type DescribeDeadLetter<Found extends DeadLetter> = (
  topic: Topic<unknown>,
  message: RawMessage,
) => Found;

export interface FoundDeadLetters<Found extends DeadLetter> {
  readonly deadLetters: readonly Found[];
  /** How many older messages were not read. */
  readonly notScanned: bigint;
}

/** Reads and replays the dead letters of an installation. */
export class DeadLetterTopics {
  readonly #log: KafkaTopicLog;
  readonly #codecs: RegistryTopicCodecs;
  readonly #address: TopicsAddress;

  constructor(address: TopicsAddress) {
    this.#address = address;
    this.#log = new KafkaTopicLog(address.kafka);
    const registry = new SchemaRegistryClient(
      address.registryUrl,
      address.kafka.topicPrefix,
      address.registryAccess,
    );
    this.#codecs = new RegistryTopicCodecs(registry);
  }

  /**
   * Returns the dead letters that match, in no particular order and without their bytes, because all
   * of them together may exceed the memory.
   */
  async find<Found extends DeadLetter>(
    { topic, code, scan }: DeadLetterFilter,
    describe: DescribeDeadLetter<Found>,
  ): Promise<FoundDeadLetters<Found>> {
    const deadLetters: Found[] = [];
    let notScanned = 0n;
    for (const each of topic ? [topic] : topicsWithDeadLetters) {
      const name = deadLetterNameOf(each.name);
      // oxlint-disable-next-line no-await-in-loop -- one consumer at a time
      const extents = (await this.#log.extentsOf(name)) ?? new Map<number, Extent>();
      const newest = newestRanges(extents, BigInt(scan));
      for (const [partition, { from }] of extents)
        notScanned += (newest.get(partition)?.from ?? from) - from;
      // oxlint-disable-next-line no-await-in-loop -- one consumer at a time
      await this.#log.read(name, newest, (message) => {
        const deadLetter = describe(each, message);
        if (code === undefined || deadLetter.code === code) deadLetters.push(deadLetter);
      });
    }
    return { deadLetters, notScanned };
  }

  /** Returns the message at a position, with its bytes; undefined if there is none. */
  async read({ topic, partition, offset }: MessagePosition): Promise<RawMessage | undefined> {
    const extent = (await this.#log.extentsOf(deadLetterNameOf(topic.name)))?.get(partition);
    if (!extent || offset < extent.from || offset >= extent.to) return undefined;
    const [message] = await this.readAll(topic, [{ partition, offset }]);
    return message;
  }

  /** Returns the messages at these positions of one topic, with their bytes. */
  async readAll(
    topic: Topic<unknown>,
    positions: readonly Pick<MessagePosition, "partition" | "offset">[],
  ): Promise<readonly RawMessage[]> {
    const wanted = new Set(positions.map(({ partition, offset }) => `${partition}/${offset}`));
    const messages: RawMessage[] = [];
    await this.#log.read(deadLetterNameOf(topic.name), rangesOf(positions), (message) => {
      if (wanted.has(`${message.partition}/${message.offset}`)) messages.push(message);
    });
    return messages;
  }

  /** Copies messages to their original topic. Resolves when all in-sync replicas have acknowledged them. */
  async replay(topic: Topic<unknown>, messages: readonly RawMessage[]): Promise<void> {
    const producer = new KafkaEventProducer({
      connection: this.#address.kafka,
      codecs: this.#codecs,
    });
    try {
      await producer.send(
        messages.map(({ key, value, headers, partition }) => ({
          kind: "dead-letter",
          topic: topic.name,
          key,
          value,
          headers,
          partition,
        })),
      );
    } finally {
      await producer.close();
    }
  }

  /**
   * Returns the record, decoded by its topic's schema; undefined if the bytes are not such a record.
   *
   * @throws TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`
   */
  async decode(topic: Topic<unknown>, { value }: RawMessage): Promise<unknown> {
    if (value === null) return undefined;
    try {
      return await this.#codecs.decode(topic, value);
    } catch (error) {
      if (error instanceof TransientFault) throw error;
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}

/** Opens the dead-letter topics, and closes them when `use` has finished. */
export async function withDeadLetterTopics<Result>(
  address: TopicsAddress,
  use: (deadLetterTopics: DeadLetterTopics) => Promise<Result>,
): Promise<Result> {
  const deadLetterTopics = new DeadLetterTopics(address);
  try {
    return await use(deadLetterTopics);
  } catch (error) {
    throw withAddress(error, address);
  } finally {
    await deadLetterTopics.close();
  }
}

/** Adds the address to an outage of the broker, whose own message names only the cause. */
function withAddress(error: unknown, { kafka }: TopicsAddress): unknown {
  if (!(error instanceof TransientFault) || error.code !== "STAGE_BROKER_UNAVAILABLE") return error;
  const message = `Kafka at ${kafka.brokers.join(", ")} cannot be used: ${error.message}.`;
  return new TransientFault(error.code, message, { cause: error });
}

/** Returns the range of the newest `count` messages of each partition. */
function newestRanges(
  extents: ReadonlyMap<number, Extent>,
  count: bigint,
): ReadonlyMap<number, Extent> {
  return new Map(
    [...extents].map(([partition, { from, to }]) => [
      partition,
      { from: to - from > count ? to - count : from, to },
    ]),
  );
}

/** Returns the range from the first to the last position of each partition. */
function rangesOf(
  positions: readonly Pick<MessagePosition, "partition" | "offset">[],
): ReadonlyMap<number, Extent> {
  const ranges = new Map<number, Extent>();
  for (const { partition, offset } of positions) {
    const range = ranges.get(partition) ?? { from: offset, to: offset };
    ranges.set(partition, {
      from: offset < range.from ? offset : range.from,
      to: offset >= range.to ? offset + 1n : range.to,
    });
  }
  return ranges;
}
