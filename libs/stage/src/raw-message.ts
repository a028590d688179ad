import type { Delivery } from "./effects.ts";

/** What Kafka gave, as bytes; `topic` is without prefix. */
export interface RawMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
  readonly appendedAt: number;
}

export function deliveryFrom<R>(raw: RawMessage, value: Buffer, record: R): Delivery<R> {
  const { topic, partition, offset, appendedAt } = raw;
  const key = raw.key === null ? null : raw.key.toString("utf8");
  return { record, key, headers: lastOfEach(raw), value, topic, partition, offset, appendedAt };
}

function lastOfEach({ headers }: RawMessage): Record<string, Buffer> {
  const single: Record<string, Buffer> = {};
  for (const [name, given] of Object.entries(headers)) {
    const last = Array.isArray(given) ? given.at(-1) : given;
    if (last !== undefined) single[name] = Buffer.isBuffer(last) ? last : Buffer.from(last);
  }
  return single;
}
