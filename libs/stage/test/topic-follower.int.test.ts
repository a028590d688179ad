import net from "node:net";
import { expect, test } from "vitest";
import { KafkaTopicFollower } from "../src/index.ts";
import { KafkaFixture, source, target } from "./kafka-fixture.ts";
import { topicFollowerContract } from "./topic-follower.contract.ts";

async function append(kafka: KafkaFixture, topic: string, key: string, value: string | null) {
  await kafka.producer.send([
    {
      ...{ kind: "dead-letter", topic, headers: {}, partition: 0 },
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    },
  ]);
}

topicFollowerContract(async () => {
  const kafka = await KafkaFixture.create(2);
  return {
    follower: new KafkaTopicFollower(kafka.connection),
    topics: [source.name, target.name],
    append: (topic, key, value) => append(kafka, topic, key, value),
    close: () => kafka.close(),
  };
});

test("after an outage, the messages of the meantime are passed on once, and before it the state stays", async () => {
  const kafka = await KafkaFixture.create(2);
  const sockets = new Set<net.Socket>();
  let isOut = false;
  const openSocket = (host: string, port: number): net.Socket => {
    const socket = net.connect({ host, port: isOut ? 1 : port });
    sockets.add(socket);
    return socket;
  };
  const seen: string[] = [];
  const following = new KafkaTopicFollower({ ...kafka.connection, openSocket }).follow(
    [source.name],
    (messages) => void seen.push(...messages.map(({ value }) => String(value))),
  );
  await append(kafka, source.name, "k", "before");
  await following.caughtUp;
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual(["before"]);
  isOut = true;
  for (const socket of sockets) socket.destroy(new Error("the connection was cut"));
  await append(kafka, source.name, "k", "meanwhile");
  expect(following.isCaughtUp).toBe(true);
  isOut = false;
  await expect.poll(() => seen, { timeout: 20_000 }).toEqual(["before", "meanwhile"]);
  await following.stop();
  await kafka.close();
});

test("a follower without a broker has not caught up, and stops within a second", async () => {
  const kafka = await KafkaFixture.create(1);
  const connection = { ...kafka.connection, brokers: ["127.0.0.1:1"], connectTimeoutMs: 200 };
  const following = new KafkaTopicFollower(connection).follow([source.name], () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(following.isCaughtUp).toBe(false);
  const begun = Date.now();
  await following.stop();
  expect(Date.now() - begun).toBeLessThan(1_000);
  await kafka.close();
});
