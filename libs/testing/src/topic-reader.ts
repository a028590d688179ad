import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { deadLetterNameOf, type Topic, TopicCodecs } from "@sluice/contracts";
import {
  type Delivery,
  type Effect,
  InMemoryEventProducer,
  type KafkaConnection,
  type RunningStage,
  runSliceStage,
  skip,
  SliceStage,
} from "@sluice/stage";

/** Reads a topic from its beginning, with a consumer group of its own. */
export class TopicReader<R> {
  /** In the order of arrival. Deliveries of one partition are in the order of the topic. */
  readonly deliveries: readonly Delivery<R>[];
  readonly #running: RunningStage;

  private constructor(deliveries: readonly Delivery<R>[], running: RunningStage) {
    this.deliveries = deliveries;
    this.#running = running;
  }

  static async open<R>(
    connection: KafkaConnection,
    codecs: TopicCodecs,
    topic: Topic<R>,
  ): Promise<TopicReader<R>> {
    const deliveries: Delivery<R>[] = [];
    const running = await runSliceStage(
      new Collecting(deliveries),
      // Drops dead letters of records that it cannot decode. A test then misses the record.
      { connection, codecs, producer: new InMemoryEventProducer() },
      { on: { ...topic, deadLetter: true }, group: `reader.${randomUUID()}` },
    );
    return new TopicReader(deliveries, running);
  }

  get records(): readonly R[] {
    return this.deliveries.map(({ record }) => record);
  }

  /** Waits until `count` records fulfil the condition. @throws Error with the number of records after `timeoutMs` */
  async until(isWanted: (record: R) => boolean, count = 1, timeoutMs = 30_000): Promise<R[]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.records.filter(isWanted);
      if (found.length >= count) return found;
      if (Date.now() > deadline)
        throw new Error(
          `${found.length} of ${count} wanted records arrived within ${timeoutMs} ms, among ${this.deliveries.length} records.`,
        );
      // oxlint-disable-next-line no-await-in-loop -- polling
      await sleep(25);
    }
  }

  async close(): Promise<void> {
    await this.#running.stop();
  }
}

class Collecting<R> extends SliceStage<R> {
  constructor(private readonly deliveries: Delivery<R>[]) {
    super();
  }

  override async process(slice: readonly Delivery<R>[]): Promise<readonly Effect[]> {
    this.deliveries.push(...slice);
    return slice.map(() => skip("read"));
  }
}

/** Returns the topic of a topic's dead letters, as bytes. */
export function deadLettersOf(topic: Topic<unknown>): Topic<Buffer> {
  return bytesOf({ ...topic, name: deadLetterNameOf(topic.name) });
}

/** Returns the topic for reading as bytes. Nothing is written through it, because its keys are empty. */
export function bytesOf(topic: Topic<unknown>): Topic<Buffer> {
  const { shorten: _shorten, ...others } = topic;
  return { ...others, keyOf: () => "" };
}

/** Passes bytes through unchanged. */
export class RawCodecs extends TopicCodecs {
  override async prepare(): Promise<void> {}

  override encode(_topic: Topic<unknown>, record: unknown): Buffer {
    if (Buffer.isBuffer(record)) return record;
    throw new TypeError("RawCodecs encodes bytes only.");
  }

  override async decode<R>(_topic: Topic<R>, value: Buffer): Promise<R> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- for topics of bytes
    return value as R;
  }
}
