import type { Topic } from "./topics.ts";

export type ContractFaultCode =
  | "CONTRACT_UNDECODABLE"
  | "CONTRACT_SCHEMA_UNKNOWN"
  | "CONTRACT_SCHEMA_UNREGISTERED"
  | "CONTRACT_UNENCODABLE"
  | "CONTRACT_REGISTRY_UNAVAILABLE"
  | "CONTRACT_AVSC_UNSUPPORTED";

/** Port: turns records into messages in Confluent's wire format, and back. */
export abstract class TopicCodecs {
  /**
   * Looks up what writing needs, so that `encode` never waits.
   *
   * @throws TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`; PermanentFault
   *   `CONTRACT_SCHEMA_UNREGISTERED` when our schema was not released to this registry.
   */
  abstract prepare(written: readonly Topic<unknown>[]): Promise<void>;

  /** @throws Defect `CONTRACT_UNENCODABLE` for a record that is not of the topic's type, or unprepared. */
  abstract encode<R>(topic: Topic<R>, record: R): Buffer;

  /**
   * @throws PermanentFault `CONTRACT_UNDECODABLE`, or `CONTRACT_SCHEMA_UNKNOWN` for a writer's id
   *   that the registry does not have; TransientFault `CONTRACT_REGISTRY_UNAVAILABLE`.
   */
  abstract decode<R>(topic: Topic<R>, value: Buffer): Promise<R>;
}
