import {
  type CostMetered,
  type InferenceAdmitted,
  type InferenceResponded,
  type TopicCodecs,
  topics,
} from "@sluice/contracts";

/** What is kept in Redis is written as it is on these topics; pass them to `TopicCodecs.prepare` at start. */
export const storedTopics = [
  topics.inferenceAdmitted,
  topics.inferenceResponded,
  topics.costMetered,
] as const;

/**
 * Records as bytes, in wire format: a newer version of a service reads what an
 * older one stored, and equal outcomes have equal bytes.
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
