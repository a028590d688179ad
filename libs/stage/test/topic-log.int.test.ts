import { randomBytes } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { type Extent, KafkaTopicLog, type RawMessage } from "../src/index.ts";
import { KafkaFixture, notes, source } from "./kafka-fixture.ts";

let kafka: KafkaFixture;
let log: KafkaTopicLog;
afterEach(async () => {
  await log.close();
  await kafka.close();
});

async function opened(): Promise<void> {
  kafka = await KafkaFixture.create(2);
  log = new KafkaTopicLog(kafka.connection);
}

async function between(extents: ReadonlyMap<number, Extent>): Promise<readonly RawMessage[]> {
  const messages: RawMessage[] = [];
  await log.read(source.name, extents, (message) => messages.push(message));
  return messages;
}

test("all messages of a topic are read once, in the order of each partition", async () => {
  await opened();
  await kafka.publish(notes(500, 50));
  const extents = (await log.extentsOf(source.name)) ?? new Map<number, Extent>();
  const messages = await between(extents);
  expect(messages).toHaveLength(500);
  for (const [partition, { from, to }] of extents) {
    const offsets = messages
      .filter((message) => message.partition === partition)
      .map(({ offset }) => Number(offset));
    expect(offsets).toEqual(
      Array.from({ length: Number(to - from) }, (_, at) => Number(from) + at),
    );
  }
});

test("a part of a partition is read, and nothing outside it", async () => {
  await opened();
  await kafka.publish(notes(200, 50));
  const messages = await between(new Map([[1, { from: 20n, to: 23n }]]));
  expect(messages.map(({ partition, offset }) => [partition, offset])).toEqual([
    [1, 20n],
    [1, 21n],
    [1, 22n],
  ]);
});

test("bytes are read unchanged, and a repeated header is read with all its values", async () => {
  await opened();
  const value = randomBytes(2_000);
  const key = Buffer.from([0xff, 0x00, 0x80]);
  const twice = [Buffer.from("a"), Buffer.from("b")];
  await kafka.producer.send([
    { kind: "dead-letter", topic: source.name, key, value, headers: { twice }, partition: 0 },
  ]);
  const extents = (await log.extentsOf(source.name)) ?? new Map<number, Extent>();
  const [message] = await between(extents);
  expect(message).toMatchObject({ key, value, headers: { twice } });
});

test("an empty topic is read at once, and a topic that does not exist is reported as undefined", async () => {
  await opened();
  const extents = await log.extentsOf(source.name);
  expect(extents).toEqual(
    new Map([
      [0, { from: 0n, to: 0n }],
      [1, { from: 0n, to: 0n }],
    ]),
  );
  expect(await between(extents ?? new Map<number, Extent>())).toEqual([]);
  expect(await log.extentsOf("nowhere")).toBeUndefined();
});

test("reading leaves no offset from which the next reading would begin", async () => {
  await opened();
  await kafka.publish(notes(10, 50));
  const extents = (await log.extentsOf(source.name)) ?? new Map<number, Extent>();
  expect(await between(extents)).toHaveLength(10);
  expect(await between(extents)).toHaveLength(10);
});

test("an unavailable broker is an outage", async () => {
  await opened();
  const brokers = ["127.0.0.1:1"];
  const lost = new KafkaTopicLog({ ...kafka.connection, brokers, connectTimeoutMs: 200 });
  await expect(lost.extentsOf(source.name)).rejects.toMatchObject({
    code: "STAGE_BROKER_UNAVAILABLE",
  });
  await lost.close();
});
