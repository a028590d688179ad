import { type Clock, Defect, PermanentFault, SystemClock } from "@sluice/domain";
import { RecordCodec, schemaIdOf } from "./record-codec.ts";
import type { SchemaRegistryClient } from "./schema-registry.ts";
import { TopicCodecs } from "./topic-codecs.ts";
import type { RecordName, Topic } from "./topics.ts";

/** Garbage with a made-up schema id must not turn into a request to the registry each time. */
const unknownForMs = 30_000;
/** Bounds what an attacker's random ids can make us remember. */
const unknownMax = 10_000;

/** Ids come from the registry; whoever writes must have been released to it. */
export class RegistryTopicCodecs extends TopicCodecs {
  readonly #registry: SchemaRegistryClient;
  readonly #clock: Clock;
  readonly #codecs = new Map<RecordName, RecordCodec>();
  readonly #writerIds = new Map<string, number>();
  readonly #unknownUntil = new Map<number, number>();

  constructor(registry: SchemaRegistryClient, clock: Clock = new SystemClock()) {
    super();
    this.#registry = registry;
    this.#clock = clock;
  }

  override async prepare(written: readonly Topic<unknown>[]): Promise<void> {
    await Promise.all(
      written.map(async (topic) => {
        const id = await this.#registry.idOf(topic);
        if (id === undefined)
          throw new PermanentFault(
            "CONTRACT_SCHEMA_UNREGISTERED",
            `The schema of ${topic.name} is not in the registry; run "sluice up" or release it.`,
          );
        this.#writerIds.set(topic.name, id);
      }),
    );
  }

  override encode<R>(topic: Topic<R>, record: R): Buffer {
    const id = this.#writerIds.get(topic.name);
    if (id === undefined)
      throw new Defect("CONTRACT_UNENCODABLE", `Writing ${topic.name} was not prepared.`);
    return this.#codecOf(topic.record).encode(id, record);
  }

  override async decode<R>(topic: Topic<R>, value: Buffer): Promise<R> {
    const id = schemaIdOf(value);
    const codec = this.#codecOf(topic.record);
    if (!codec.knows(id)) await this.#learn(codec, id);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type is generated from the schema
    return codec.decode(id, value) as R;
  }

  async #learn(codec: RecordCodec, id: number): Promise<void> {
    const now = this.#clock.now();
    if ((this.#unknownUntil.get(id) ?? 0) <= now) {
      const writer = await this.#registry.schemaOf(id);
      if (writer) return codec.learn(id, writer);
      if (this.#unknownUntil.size >= unknownMax) this.#unknownUntil.clear();
      this.#unknownUntil.set(id, now + unknownForMs);
    }
    throw new PermanentFault("CONTRACT_SCHEMA_UNKNOWN", `The registry has no schema ${id}.`);
  }

  #codecOf(record: RecordName): RecordCodec {
    let codec = this.#codecs.get(record);
    if (!codec) this.#codecs.set(record, (codec = new RecordCodec(record)));
    return codec;
  }
}
