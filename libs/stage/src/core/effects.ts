import type { Topic } from "@sluice/contracts";
import type { EpochMillis } from "@sluice/domain";

/** A message from Kafka before it is decoded. */
export interface Undecoded {
  readonly key: string | null;
  /** If a header occurs several times, its last value. */
  readonly headers: Readonly<Record<string, Buffer>>;
  /** The bytes as the log stores them; signatures cover these. */
  readonly value: Buffer;
  /** Without the installation's prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The broker's timestamp. All messages of a batch may share it, so never order by it. */
  readonly appendedAt: EpochMillis;
}

/** A message from Kafka with its decoded record. */
export interface Delivery<R> extends Undecoded {
  readonly record: R;
}

export type OutgoingHeaders = Readonly<Record<string, string | Buffer>>;

/** A message to publish. {@link outgoing} creates it and checks the record against the topic. */
export interface Outgoing<R = unknown> {
  readonly topic: Topic<R>;
  /** Never absent, because the client loses messages without key on a retry. */
  readonly key: string;
  /** Null removes the key's entry from a compacted topic. */
  readonly record: R | null;
  readonly headers?: OutgoingHeaders;
}

/** Bytes that leave the pipeline unchanged. `topic` is the dead-letter topic, without prefix. */
export interface DeadLetter {
  readonly kind: "dead-letter";
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
  /** The partition of the original message; a message without key goes to the same one. */
  readonly partition: number;
}

export type Publishable = Outgoing | DeadLetter;

/** The decision that a message becomes a dead letter. */
export interface DeadLettering {
  readonly kind: "dead-letter";
  readonly code: string;
  readonly reason: string;
}

/** The decision of a stage about a message. */
export type Effect =
  | { readonly kind: "emit"; readonly messages: readonly Outgoing[] }
  | { readonly kind: "skip"; readonly reason: string }
  | DeadLettering;

/** Returns the message that puts a record onto its topic, under the key that the topic gives it. */
export function outgoing<R>(
  topic: Topic<R>,
  record: NoInfer<R>,
  headers?: OutgoingHeaders,
): Outgoing {
  const key = topic.keyOf(record);
  return headers ? { topic, key, record, headers } : { topic, key, record };
}

/** Returns the message that removes the entry of a key from a compacted topic. */
export function tombstone<R>(topic: Topic<R>, key: string): Outgoing {
  return { topic, key, record: null };
}

export function emit(...messages: readonly Outgoing[]): Effect {
  return { kind: "emit", messages };
}

export function skip(reason: string): Effect {
  return { kind: "skip", reason };
}

export function deadLetter(code: string, reason: string): Effect {
  return { kind: "dead-letter", code, reason };
}

export function isDeadLetter(message: Publishable): message is DeadLetter {
  return "kind" in message;
}
