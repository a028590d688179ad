import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { codeOf } from "../src/core/faults.ts";
import { outgoing } from "../src/index.ts";
import { partitionAmong } from "../src/kafka/produce/partition-of-key.ts";
import { idsOf, KafkaFixture, notes, source, target, topicOf } from "./kafka-fixture.ts";
import { describeEventProducer } from "./event-producer.contract.ts";
import { Line } from "./line.ts";

let kafka: KafkaFixture;
afterEach(() => kafka.close());

const of = (id: number, text?: string) =>
  outgoing(source, { id, key: `key-${id % 10}`, ...(text ? { text } : {}) });

describeEventProducer("KafkaEventProducer", async () => {
  kafka = await KafkaFixture.create();
  const line = new Line();
  const connection = line.through(kafka.connection);
  return {
    producer: kafka.newProducer({ connection, sendTimeoutMs: 800 }),
    setAway: (away) => (away ? line.cut() : line.mend()),
    published: async () => (await kafka.readAll(source)).map(({ record }) => record),
  };
});

describe("the event producer", () => {
  it("resolves when the message is on the log, and keeps the order of calls per key", async () => {
    kafka = await KafkaFixture.create();
    await kafka.producer.send([of(0)]);
    expect((await kafka.readAll(source)).length).toBe(1);
    await Promise.all(
      Array.from({ length: 3_000 }, (_, index) => kafka.producer.send([of(index + 1)])),
    );
    const all = await kafka.readAll(source);
    expect(all.length).toBe(3_001);
    for (let key = 0; key < 10; key += 1) {
      const ids = idsOf(all.filter((each) => each.key === `key-${key}`));
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    }
  });

  it("rejects within its time limit while the broker is unavailable, and sends again afterwards", async () => {
    kafka = await KafkaFixture.create();
    const line = new Line();
    const connection = line.through(kafka.connection);
    const producer = kafka.newProducer({ connection, sendTimeoutMs: 800 });
    await producer.send([of(0)]);
    line.cut();
    const startedAt = Date.now();
    const failed = await Promise.allSettled([1, 2, 3].map((id) => producer.send([of(id)])));
    expect(Date.now() - startedAt).toBeLessThan(1_300);
    expect(failed).toMatchObject(
      [1, 2, 3].map(() => ({
        status: "rejected",
        reason: { code: "STAGE_BROKER_UNAVAILABLE", name: "TransientFault" },
      })),
    );
    line.mend();
    await producer.send([of(4)]);
    expect(idsOf(await kafka.readAll(source)).toSorted((a, b) => a - b)).toEqual([0, 4]);
  });

  it("loses no acknowledged message while the connection is cut again and again", async () => {
    kafka = await KafkaFixture.create();
    const line = new Line();
    const producer = kafka.newProducer({
      connection: line.through(kafka.connection),
      sendTimeoutMs: 400,
    });
    const acknowledged = new Set<number>();
    const halt = new AbortController();
    const flow = (async () => {
      for (let id = 0; !halt.signal.aborted; id += 1) {
        void producer.send([of(id)]).then(
          () => acknowledged.add(id),
          () => undefined,
        );
        if (id % 20 === 0) await sleep(5);
      }
    })();
    for (let round = 0; round < 8; round += 1) {
      await sleep(200);
      line.cut();
      // Some cuts are within the client's own retries, and some longer than the time limit of a send.
      await sleep(round % 2 === 0 ? 50 : 700);
      line.mend();
    }
    halt.abort();
    await flow;
    await producer.close();
    const there = new Set(idsOf(await kafka.readAll(source)));
    expect(acknowledged.size).toBeGreaterThan(500);
    expect([...acknowledged].filter((id) => !there.has(id))).toEqual([]);
  });

  it("limits the number of waiting messages", async () => {
    kafka = await KafkaFixture.create();
    const line = new Line();
    line.cut();
    const producer = kafka.newProducer({
      connection: line.through(kafka.connection),
      sendTimeoutMs: 300,
      queueMessagesMax: 5,
    });
    const sends = Array.from({ length: 9 }, (_, id) => producer.send([of(id)]));
    const codes = (await Promise.allSettled(sends)).map((each) =>
      each.status === "rejected" ? codeOf(each.reason, "STAGE_DEFECT") : "sent",
    );
    expect(codes.filter((code) => code === "STAGE_PRODUCER_FULL").length).toBeGreaterThanOrEqual(4);
    expect(codes).not.toContain("sent");
  });

  it("rejects a message that the broker never accepts, and sends the others of its batch", async () => {
    kafka = await KafkaFixture.create(4);
    // From here on the producer knows the partitions, so that the three messages of different ones share a
    // batch.
    await kafka.producer.send([of(0)]);
    const noise = Array.from({ length: 400_000 }, () => Math.random().toString(36)).join("");
    const sends = [of(1), of(2, noise), of(3)].map((each) => kafka.producer.send([each]));
    const [before, huge, after] = await Promise.allSettled(sends);
    expect([before!.status, after!.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(huge).toMatchObject({
      status: "rejected",
      reason: { code: "STAGE_MESSAGE_REFUSED", name: "PermanentFault" },
    });
    expect(new Set(idsOf(await kafka.readAll(source)))).toEqual(new Set([0, 1, 3]));
  });

  it("delays no other topic while one accepts no messages, and repeats nothing", async () => {
    kafka = await KafkaFixture.create();
    const producer = kafka.newProducer({ sendTimeoutMs: 3_000 });
    const other = (id: number) => outgoing(target, { id, key: `key-${id % 10}` });
    await producer.send([of(0), other(0)]);
    await kafka.remove(source);
    const sick = [1, 2, 3].map((id) => producer.send([of(id)]));
    const both = producer.send([of(4), other(1)]);
    const rejected = Promise.allSettled([...sick, both]);
    for (let id = 2; id < 100; id += 1) {
      await sleep(20);
      await producer.send([other(id)]);
    }
    expect(await rejected).toMatchObject(
      [1, 2, 3, 4].map(() => ({
        status: "rejected",
        reason: { code: "STAGE_BROKER_UNAVAILABLE", message: expect.stringContaining("topic") },
      })),
    );
    await kafka.make([source]);
    await producer.send([of(5)]);
    expect(idsOf(await kafka.readAll(source))).toEqual([5]);
    const arrived = idsOf(await kafka.readAll(target)).toSorted((a, b) => a - b);
    expect(arrived).toEqual(Array.from({ length: 100 }, (_, id) => id));
  });

  it("delays no other topic while one does not exist", async () => {
    kafka = await KafkaFixture.create();
    const producer = kafka.newProducer({ sendTimeoutMs: 2_000 });
    const missing = outgoing(topicOf("missing"), { id: 0, key: "k" });
    const rejected = Promise.allSettled([producer.send([missing])]);
    for (let id = 0; id < 20; id += 1) await producer.send([of(id)]);
    expect(await rejected).toMatchObject([{ reason: { code: "STAGE_BROKER_UNAVAILABLE" } }]);
  });

  it("chooses the partition of a key as Java clients do", async () => {
    kafka = await KafkaFixture.create(4);
    await kafka.publish(notes(40, 40));
    for (const { key, partition } of await kafka.readAll(source)) {
      const message = { topic: "", key: Buffer.from(key!), value: null, headers: {} };
      expect(partition).toBe(partitionAmong(4, { ...message, partitionHint: 0, bytes: 0 }));
    }
  });
});
