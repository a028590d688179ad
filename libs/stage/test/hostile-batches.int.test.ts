import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { KafkaTopicLog, type RawMessage } from "../src/index.ts";
import { prefixed } from "../src/kafka/kafka-connection.ts";
import {
  Collector,
  eventually,
  idsOf,
  KafkaFixture,
  notes,
  source,
  sourceDeadLetters,
} from "./kafka-fixture.ts";
import { inLz4, inSnappy, type Packing, sendPacked, unpackedRecord } from "./foreign-producer.ts";

let kafka: KafkaFixture;
afterEach(() => kafka.close());

const small = unpackedRecord(Buffer.from('{"id":0,"key":"k"}'));
const bomb = () => unpackedRecord(Buffer.alloc(300 * 1_024 * 1_024));

it.each<[string, Packing, () => Buffer, string]>([
  ["a zstd bomb", "zstd", () => zstdCompressSync(bomb()), "STAGE_BATCH_TOO_LONG"],
  ["a gzip bomb", "gzip", () => gzipSync(bomb()), "STAGE_BATCH_TOO_LONG"],
  ["snappy", "snappy", () => inSnappy(small), "STAGE_BATCH_UNREADABLE"],
  ["lz4", "lz4", () => inLz4(small), "STAGE_BATCH_UNREADABLE"],
])(
  "%s becomes a dead letter with its reason, in bounded memory, and the messages behind it are processed",
  async (_, packing, pack, code) => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(1, 1));
    const fullName = prefixed(kafka.connection, source.name);
    await sendPacked(kafka.connection, fullName, packing, pack());
    await kafka.publish(notes(1, 1, 1));
    const collector = new Collector();
    const rssBefore = process.memoryUsage().rss;
    await kafka.slices(collector);
    await eventually(() => idsOf(collector.seen).includes(1));
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(200 * 1_024 * 1_024);
    expect(idsOf(collector.seen)).toEqual([0, 1]);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(kafka.fatal).toEqual([]);
    expect(await lettersShown()).toEqual([
      { code, offset: "1", messages: "1", omitted: "original", value: null },
    ]);
  },
);

async function lettersShown(): Promise<object[]> {
  const log = new KafkaTopicLog(kafka.connection);
  const letters: RawMessage[] = [];
  const extents = await log.extentsOf(sourceDeadLetters.name);
  await log.read(sourceDeadLetters.name, extents!, (letter) => letters.push(letter));
  await log.close();
  return letters.map(({ headers, value }) => {
    const headerOf = (name: string) => String(headers[`dead-letter-${name}`]);
    const place = { offset: headerOf("offset"), messages: headerOf("messages") };
    return { code: headerOf("code"), ...place, omitted: headerOf("omitted"), value };
  });
}
