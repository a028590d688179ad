import type kafkajs from "kafkajs";
import type { Undecoded } from "./effects.ts";
import type { Unreadable } from "../kafka/records/record-batch.ts";

/** A message from Kafka as bytes. `topic` is without prefix. */
export interface RawMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
  readonly appendedAt: number;
  /** Explains why key, value and headers are absent. */
  readonly unreadable?: Unreadable;
}

/**
 * Returns what differs between a message and another one at its offset, which exists after a topic was
 * deleted and created again while the process ran.
 */
export function stampOf({ appendedAt, key }: RawMessage): string {
  return `${appendedAt} ${key?.toString("base64") ?? ""}`;
}

/** A message as the client passes it on, or as we fetch it. */
type FetchedMessage = Pick<kafkajs.KafkaMessage, "offset" | "key" | "value" | "timestamp"> & {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly unreadable?: Unreadable;
};

/** @param topic without prefix */
export function rawMessageOf(
  topic: string,
  partition: number,
  message: FetchedMessage,
): RawMessage {
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value,
    headers: headersFrom(message.headers ?? {}),
    appendedAt: Number(message.timestamp),
    ...(message.unreadable ? { unreadable: message.unreadable } : {}),
  };
}

export function undecodedFrom(raw: RawMessage, value: Buffer): Undecoded {
  const { topic, partition, offset, appendedAt } = raw;
  const key = raw.key === null ? null : raw.key.toString("utf8");
  return { key, headers: lastOfEach(raw), value, topic, partition, offset, appendedAt };
}

/**
 * Returns headers in the form that other clients give. Our client cannot send a null value again,
 * although the protocol allows it, and for a name that every object has ("constructor") it adds that
 * member before the value. A dead letter with either could never be published, and would stop its
 * partition forever.
 */
function headersFrom(given: Readonly<Record<string, unknown>>): RawMessage["headers"] {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const values = (Array.isArray(value) ? value : [value]).flatMap(bytesIn);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

function bytesIn(value: unknown): (Buffer | string)[] {
  if (value === null || value === undefined) return [Buffer.alloc(0)];
  return Buffer.isBuffer(value) || typeof value === "string" ? [value] : [];
}

function lastOfEach({ headers }: RawMessage): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, given]) => {
      const last = Array.isArray(given) ? given.at(-1) : given;
      return last === undefined ? [] : [[name, Buffer.from(last)]];
    }),
  );
}
