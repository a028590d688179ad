import type { Topic } from "./topics.ts";

export type ContractFaultCode =
  | "CONTRACT_UNDECODABLE"
  | "CONTRACT_SCHEMA_UNKNOWN"
  | "CONTRACT_SCHEMA_UNREGISTERED"
  | "CONTRACT_UNENCODABLE"
  | "CONTRACT_REGISTRY_UNAVAILABLE"
  | "CONTRACT_AVSC_UNSUPPORTED";

/** Port that turns records into messages in Confluent's wire format, and back. */
export abstract class TopicCodecs {
  /**
   * Looks up the ids of the schemas, so that `encode` never waits.
   *
   * @throws TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`; PermanentFault
   *   `CONTRACT_SCHEMA_UNREGISTERED` if our schema is not in this registry
   */
  abstract prepare(written: readonly Topic<unknown>[]): Promise<void>;

  /** Encodes a record. @throws Defect `CONTRACT_UNENCODABLE` if the record has another type, or the topic is not prepared */
  abstract encode<R>(topic: Topic<R>, record: R): Buffer;

  /**
   * Decodes a message by its writer's schema.
   *
   * @throws PermanentFault `CONTRACT_UNDECODABLE`, or `CONTRACT_SCHEMA_UNKNOWN` for a writer's id
   *   that the registry does not have; TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`
   */
  abstract decode<R>(topic: Topic<R>, value: Buffer): Promise<R>;
}
