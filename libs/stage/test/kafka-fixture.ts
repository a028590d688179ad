import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { deadLetterNameOf, TopicCodecs, type Topic } from "@sluice/contracts";
import { PermanentFault } from "@sluice/domain";
import kafkajs from "kafkajs";
import { Registry } from "prom-client";
import {
  type Delivery,
  type Effect,
  emit,
  type KafkaConnection,
  KafkaEventProducer,
  type KafkaEventProducerOptions,
  KafkaTopicAdmin,
  KafkaTopicOffsets,
  outgoing,
  prefixed,
  type RunningStage,
  runSliceStage,
  SliceStage,
  type SliceStageOptions,
  type StageFaultCode,
  type StageSurroundings,
} from "../src/index.ts";
import { KafkaAdmin } from "../src/kafka/kafka-admin.ts";
import { PrometheusMetrics } from "../src/nest/index.ts";

const { ConfigResourceTypes } = kafkajs;

/** A record of these suites. It is encoded as JSON, so that no registry is needed. */
export interface Note {
  readonly id: number;
  readonly key: string;
  readonly text?: string;
}

export class JsonTopicCodecs extends TopicCodecs {
  override async prepare(): Promise<void> {}

  override encode<R>(_topic: Topic<R>, record: R): Buffer {
    return Buffer.from(JSON.stringify(record));
  }

  override async decode<R>(_topic: Topic<R>, value: Buffer): Promise<R> {
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the suites write what they read
      return JSON.parse(value.toString()) as R;
    } catch (cause) {
      throw new PermanentFault("CONTRACT_UNDECODABLE", "not JSON", { cause });
    }
  }
}

export function topicOf(name: string): Topic<Note> {
  return {
    name,
    record: "InferenceRequested",
    partitions: "default",
    config: {},
    deadLetter: true,
    keyedBy: "its key",
    keyOf: ({ key }) => key,
  };
}

export const source = topicOf("source");
export const target = topicOf("target");
export const sourceDeadLetters = topicOf(deadLetterNameOf("source"));

/** Faster than in production, so that suites are short. */
export const briskSettings = { fetchWaitMsMax: 100, heartbeatMs: 300, sessionTimeoutMs: 6_000 };
export const briskBackOff = { firstMs: 100, maxMs: 400 };

/** Topics, producers and consumers of one test, under a prefix of its own. */
export class KafkaFixture {
  readonly connection: KafkaConnection;
  readonly codecs = new JsonTopicCodecs();
  readonly registry = new Registry();
  readonly metrics = new PrometheusMetrics(this.registry);
  readonly fatal: StageFaultCode[] = [];
  readonly producer: KafkaEventProducer;
  readonly offsets: KafkaTopicOffsets;
  private readonly admin: KafkaTopicAdmin;
  private readonly cleanups: (() => Promise<void>)[] = [];

  private constructor() {
    this.connection = {
      brokers: brokersOf(process.env["SLUICE_KAFKA_BROKERS"]),
      topicPrefix: `stage-${randomBytes(4).toString("hex")}.`,
      clientId: "stage-suite",
    };
    this.producer = this.newProducer();
    this.offsets = new KafkaTopicOffsets(this.connection);
    this.admin = new KafkaTopicAdmin(this.connection);
  }

  static async create(partitions = 4): Promise<KafkaFixture> {
    const fixture = new KafkaFixture();
    await fixture.make(
      [source, target, sourceDeadLetters, topicOf(deadLetterNameOf("target"))],
      partitions,
    );
    return fixture;
  }

  async make(topics: readonly Topic<Note>[], partitions = 4): Promise<void> {
    const plan = { partitions, replication: 1, config: { "max.message.bytes": "2097152" } };
    await this.admin.create(topics.map(({ name }) => ({ name, ...plan })));
  }

  async remove(topic: Topic<Note>): Promise<void> {
    await this.admin.remove([topic.name]);
  }

  newProducer(options: Partial<KafkaEventProducerOptions> = {}): KafkaEventProducer {
    const { connection, codecs, metrics } = this;
    const producer = new KafkaEventProducer({ connection, codecs, metrics, ...options });
    this.cleanups.push(() => producer.close());
    return producer;
  }

  surroundings(): StageSurroundings {
    const { connection, codecs, producer, metrics } = this;
    return {
      connection,
      codecs,
      producer,
      metrics,
      onFatal: (code) => void this.fatal.push(code),
    };
  }

  async slices(
    stage: SliceStage<Note>,
    options: Partial<SliceStageOptions<Note>> = {},
    surroundings: Partial<StageSurroundings> = {},
  ): Promise<RunningStage> {
    return this.track(
      await runSliceStage(
        stage,
        { ...this.surroundings(), ...surroundings },
        {
          on: source,
          group: "suite",
          settings: briskSettings,
          backOff: briskBackOff,
          ...options,
        },
      ),
    );
  }

  /** Replaces the settings of a topic, as an operator may while it is in use. */
  async configure(topic: Topic<Note>, config: Readonly<Record<string, string>>): Promise<void> {
    const name = prefixed(this.connection, topic.name);
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    const admin = new KafkaAdmin(this.connection);
    await admin.ask((client) =>
      client.alterConfigs({
        validateOnly: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }],
      }),
    );
    await admin.close();
  }

  /** Adds partitions to a topic, as an operator may while it is in use. */
  async grow(topic: Topic<Note>, count: number): Promise<void> {
    const admin = new KafkaAdmin(this.connection);
    await admin.ask((client) =>
      client.createPartitions({
        topicPartitions: [{ topic: prefixed(this.connection, topic.name), count }],
      }),
    );
    await admin.close();
  }

  track(running: RunningStage): RunningStage {
    this.cleanups.push(() => running.stop());
    return running;
  }

  async publish(published: readonly Note[], topic = source): Promise<void> {
    await this.producer.send(published.map((note) => outgoing(topic, note)));
  }

  /** Publishes notes over 30 keys until it is stopped. `stop` returns their number. */
  flow(atOnce: number, everyMs: number): { stop(): Promise<number> } {
    const halt = new AbortController();
    let sent = 0;
    const flowing = (async () => {
      while (!halt.signal.aborted) {
        await this.publish(notes(atOnce, 30, sent));
        sent += atOnce;
        await sleep(everyMs);
      }
      return sent;
    })();
    return {
      stop: () => {
        halt.abort();
        return flowing;
      },
    };
  }

  /** Returns all messages on a topic up to now, read by a group of its own. */
  async readAll(topic: Topic<Note>): Promise<Delivery<Note>[]> {
    const ends = await this.offsets.endOffsets(topic.name);
    const wanted = Number([...ends.values()].reduce((sum, end) => sum + end, 0n));
    const collector = new Collector();
    const group = `read-${randomBytes(4).toString("hex")}`;
    const reading = await this.slices(collector, { on: { ...topic, deadLetter: true }, group });
    await eventually(() => collector.seen.length >= wanted);
    await reading.stop();
    return collector.seen;
  }

  async lag(group = "suite", topic = source): Promise<number> {
    const ends = await this.offsets.endOffsets(topic.name);
    const committed = await this.offsets.committed(group, topic.name);
    return [...ends].reduce(
      (sum, [partition, end]) => sum + Number(end - (committed.get(partition) ?? 0n)),
      0,
    );
  }

  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const found = await this.registry.getSingleMetric(name)?.get();
    return (found?.values ?? [])
      .filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  async close(): Promise<void> {
    for (const cleanup of this.cleanups.toReversed()) await cleanup();
    await this.admin.remove([
      source.name,
      target.name,
      deadLetterNameOf(source.name),
      deadLetterNameOf(target.name),
    ]);
    await this.offsets.close();
    await this.admin.close();
  }
}

/** Keeps the messages that it receives, and skips them. */
export class Collector extends SliceStage<Note> {
  readonly seen: Delivery<Note>[] = [];

  override async process(slice: readonly Delivery<Note>[]): Promise<readonly Effect[]> {
    this.seen.push(...slice);
    return slice.map(() => ({ kind: "skip", reason: "collected" }));
  }
}

export function copyOf({ record }: Delivery<Note>): Effect {
  return emit(outgoing(target, record));
}

export function notes(count: number, keys: number, from = 0): Note[] {
  return Array.from({ length: count }, (_, index) => ({
    id: from + index,
    key: `key-${(from + index) % keys}`,
  }));
}

export function idsOf(seen: readonly { readonly record: Note }[]): number[] {
  return seen.map(({ record }) => record.id);
}

/** Resolves as soon as `check` returns true. @throws after `timeoutMs` */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const until = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > until) throw new Error(`Not within ${timeoutMs} ms: ${check.toString()}`);
    await sleep(25);
  }
}

function brokersOf(text: string | undefined): string[] {
  if (!text) throw new Error("SLUICE_KAFKA_BROKERS is not set: these suites need the stack.");
  return text.split(",");
}
