import { type Clock, Defect, PermanentFault, SystemClock } from "@sluice/domain";
import { RecordCodec, schemaIdOf, typeOf } from "./record-codec.ts";
import { SchemaLookups } from "./schema-lookups.ts";
import type { SchemaRegistryClient } from "./schema-registry.ts";
import { TopicCodecs } from "./topic-codecs.ts";
import type { RecordName, Topic } from "./topics.ts";

/** Takes schema ids from the registry. A schema must be registered before a service can write with it. */
export class RegistryTopicCodecs extends TopicCodecs {
  readonly #registry: SchemaRegistryClient;
  readonly #lookups: SchemaLookups;
  readonly #codecs = new Map<RecordName, RecordCodec>();
  readonly #writerIds = new Map<string, number>();

  constructor(registry: SchemaRegistryClient, clock: Clock = new SystemClock()) {
    super();
    this.#registry = registry;
    this.#lookups = new SchemaLookups(registry, clock);
  }

  override async prepare(written: readonly Topic<unknown>[]): Promise<void> {
    await Promise.all(
      written.map(async (topic) => {
        const id = await this.#registry.idOf(topic);
        if (id === undefined)
          throw new PermanentFault(
            "CONTRACT_SCHEMA_UNREGISTERED",
            `The schema of ${topic.name} is not in the registry. Run "sluice up" or "sluice provision" to register it.`,
          );
        this.#writerIds.set(topic.name, id);
        // What this process writes it can read, without asking the registry.
        this.#codecOf(topic.record).learn(id, typeOf(topic.record));
      }),
    );
  }

  override encode<R>(topic: Topic<R>, record: R): Buffer {
    const id = this.#writerIds.get(topic.name);
    if (id === undefined)
      throw new Defect(
        "CONTRACT_UNENCODABLE",
        `The codec of ${topic.name} is not prepared. Pass the topic to prepare() at start.`,
      );
    return this.#codecOf(topic.record).encode(id, record);
  }

  override async decode<R>(topic: Topic<R>, value: Buffer): Promise<R> {
    const id = schemaIdOf(value);
    const codec = this.#codecOf(topic.record);
    if (!codec.knows(id)) await this.#learn(topic, codec, id);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type is generated from the schema
    return codec.decode(id, value) as R;
  }

  async #learn(topic: Topic<unknown>, codec: RecordCodec, id: number): Promise<void> {
    const writer = await this.#lookups.schemaOf(topic, id);
    if (writer) return codec.learn(id, writer);
    throw new PermanentFault(
      "CONTRACT_SCHEMA_UNKNOWN",
      `The schema ${id} is not registered under the subject of ${topic.name}. Register it there, and send the message again.`,
    );
  }

  #codecOf(record: RecordName): RecordCodec {
    let codec = this.#codecs.get(record);
    if (!codec) this.#codecs.set(record, (codec = new RecordCodec(record)));
    return codec;
  }
}
