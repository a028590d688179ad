import { PermanentFault } from "@sluice/domain";
import { schemas } from "./generated/schemas.ts";
import { RecordCodec, schemaIdOf, typeOf } from "./record-codec.ts";
import { TopicCodecs } from "./topic-codecs.ts";
import type { RecordName, Topic } from "./topics.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
const recordNames = Object.keys(schemas) as RecordName[];

/** Fake for tests. Uses the bundled schemas with ids of its own, without a registry. */
export class InMemoryTopicCodecs extends TopicCodecs {
  readonly #codecs = new Map(recordNames.map((name) => [name, new RecordCodec(name)]));

  override async prepare(): Promise<void> {}

  override encode<R>(topic: Topic<R>, record: R): Buffer {
    return this.#codecOf(topic).encode(recordNames.indexOf(topic.record) + 1, record);
  }

  override async decode<R>(topic: Topic<R>, value: Buffer): Promise<R> {
    const codec = this.#codecOf(topic);
    const id = schemaIdOf(value);
    const writer = recordNames[id - 1];
    if (!writer)
      throw new PermanentFault("CONTRACT_SCHEMA_UNKNOWN", `There is no schema with id ${id}.`);
    if (!codec.knows(id)) codec.learn(id, typeOf(writer));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type is generated from the schema
    return codec.decode(id, value) as R;
  }

  #codecOf(topic: Topic<unknown>): RecordCodec {
    return this.#codecs.get(topic.record)!;
  }
}
