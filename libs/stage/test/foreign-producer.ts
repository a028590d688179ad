import kafkajs from "kafkajs";
import type { KafkaConnection } from "../src/index.ts";
import type { Note } from "./kafka-fixture.ts";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

const codecOf = {
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

export type Packing = keyof typeof codecOf;

/**
 * Sends a batch of one message whose compressed bytes are given, as any client may.
 *
 * The codecs are global in the process, so nothing else may send meanwhile.
 *
 * @param fullName the topic, with prefix
 */
export async function sendPacked(
  { brokers }: KafkaConnection,
  fullName: string,
  packing: Packing,
  packed: Buffer,
): Promise<void> {
  const type = codecOf[packing];
  const usual = CompressionCodecs[type];
  const client = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = client.producer({ allowAutoTopicCreation: false, retry: { retries: 1 } });
  await producer.connect();
  CompressionCodecs[type] = () => ({ compress: async () => packed, decompress: neverAsked });
  try {
    await producer.send({
      topic: fullName,
      compression: type,
      messages: [{ value: null, partition: 0 }],
    });
  } finally {
    CompressionCodecs[type] = usual;
    await producer.disconnect();
  }
}

/** Returns the records of a batch of one message without key and headers, before compression. */
export function unpackedRecord(value: Buffer): Buffer {
  const [attributes, timestampDelta, offsetDelta] = [0, 0, 0];
  const length = varint(value.length);
  const body = [Buffer.from([attributes, timestampDelta, offsetDelta]), varint(-1), length];
  const size = body.reduce((sum, { length: bytes }) => sum + bytes, value.length + 1);
  return Buffer.concat([varint(size), ...body, value, varint(0)]);
}

/** Encodes up to 60 bytes with snappy, as one literal. */
export function inSnappy(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length, (bytes.length - 1) << 2]), bytes]);
}

/** Encodes bytes with lz4, as one frame with one uncompressed block. */
export function inLz4(bytes: Buffer): Buffer {
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE((bytes.length | 0x80000000) >>> 0);
  return Buffer.concat([header, size, bytes, Buffer.alloc(4)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value >= 0 ? value * 2 : -value * 2 - 1;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

async function neverAsked(): Promise<never> {
  throw new Error("A stranger only sends.");
}

/** A transaction of a producer of its own, as Kafka Streams and other clients use them. */
export interface ForeignTransaction {
  send(notes: readonly Note[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** @param topic with prefix */
export async function beginTransaction(
  { brokers }: KafkaConnection,
  topic: string,
  id: string,
): Promise<ForeignTransaction> {
  const client = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = client.producer({
    transactionalId: `${topic}.${id}`,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  const end = async (ending: Promise<void>) => {
    await ending;
    await producer.disconnect();
  };
  return {
    send: async (given) => {
      const messages = given.map((note) => ({ value: JSON.stringify(note), partition: 0 }));
      await transaction.send({ topic, messages });
    },
    commit: () => end(transaction.commit()),
    abort: () => end(transaction.abort()),
  };
}
