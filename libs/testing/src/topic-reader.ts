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

/** Everything on a topic from its beginning, as a subscriber with a group of its own sees it. */
export class TopicReader<R> {
  /** In the order of their arrival; of one partition in the order of the topic. */
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
      // It only reads: what it cannot decode would be published, and is found by its absence.
      { connection, codecs, producer: new InMemoryEventProducer() },
      { on: { ...topic, deadLetter: true }, group: `reader.${randomUUID()}` },
    );
    return new TopicReader(deliveries, running);
  }

  get records(): readonly R[] {
    return this.deliveries.map(({ record }) => record);
  }

  /** Waits until as many records fulfil the condition; fails with what was there instead. */
  async until(isWanted: (record: R) => boolean, count = 1, timeoutMs = 30_000): Promise<R[]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.records.filter(isWanted);
      if (found.length >= count) return found;
      if (Date.now() > deadline)
        throw new Error(
          `${found.length} of ${count} records came within ${timeoutMs} ms; ${this.deliveries.length} others did.`,
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

/** The dead letters of a topic, as bytes. */
export function deadLettersOf(topic: Topic<unknown>): Topic<Buffer> {
  return bytesOf({ ...topic, name: deadLetterNameOf(topic.name) });
}

/** A topic to read as bytes. Bytes have no key of their own, so nothing is written through it. */
export function bytesOf(topic: Topic<unknown>): Topic<Buffer> {
  return { ...topic, keyOf: () => "" };
}

/** Leaves bytes as they are. */
export class RawCodecs extends TopicCodecs {
  override async prepare(): Promise<void> {}

  override encode(_topic: Topic<unknown>, record: unknown): Buffer {
    if (Buffer.isBuffer(record)) return record;
    throw new TypeError("Raw codecs take bytes.");
  }

  override async decode<R>(_topic: Topic<R>, value: Buffer): Promise<R> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- for topics of bytes
    return value as R;
  }
}
