import {
  type CostMetered,
  type InferenceAdmitted,
  type InferenceResponded,
  type TopicCodecs,
  topics,
} from "@sluice/contracts";

/** Redis stores records in the wire format of these topics. Pass them to `TopicCodecs.prepare` at start. */
export const storedTopics = [
  topics.inferenceAdmitted,
  topics.inferenceResponded,
  topics.costMetered,
] as const;

/**
 * Converts stored records to bytes in wire format, and back. A newer version of a service can
 * therefore read the records of an older one, and equal outcomes have equal bytes.
 */
export class StoredRecords {
  readonly #codecs: TopicCodecs;

  constructor(codecs: TopicCodecs) {
    this.#codecs = codecs;
  }

  admittedBytes(record: InferenceAdmitted): Buffer {
    return this.#codecs.encode(topics.inferenceAdmitted, record);
  }

  async admittedOf(bytes: Buffer): Promise<InferenceAdmitted> {
    return this.#codecs.decode(topics.inferenceAdmitted, bytes);
  }

  outcomeBytes(record: InferenceResponded): Buffer {
    return this.#codecs.encode(topics.inferenceResponded, record);
  }

  async outcomeOf(bytes: Buffer): Promise<InferenceResponded> {
    return this.#codecs.decode(topics.inferenceResponded, bytes);
  }

  meteredBytes(record: CostMetered): Buffer {
    return this.#codecs.encode(topics.costMetered, record);
  }

  async meteredOf(bytes: Buffer): Promise<CostMetered> {
    return this.#codecs.decode(topics.costMetered, bytes);
  }
}
