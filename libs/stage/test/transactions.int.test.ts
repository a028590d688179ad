import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import {
  ConcurrentStage,
  type Delivery,
  type Effect,
  KafkaTopicLog,
  type RunningStage,
  runConcurrentStage,
  skip,
} from "../src/index.ts";
import { beginTransaction, type ForeignTransaction } from "./foreign-producer.ts";
import {
  briskSettings,
  Collector,
  eventually,
  idsOf,
  KafkaFixture,
  type Note,
  notes,
  source,
} from "./kafka-fixture.ts";

let kafka: KafkaFixture;
afterEach(() => kafka.close());

const seen: Delivery<Note>[] = [];

class Collecting extends ConcurrentStage<Note> {
  override async handle(delivery: Delivery<Note>): Promise<Effect> {
    seen.push(delivery);
    return skip("collected");
  }
}

const kinds: [string, () => Promise<RunningStage>][] = [
  [
    "a slice stage",
    async () => {
      const collector = new Collector();
      collector.seen.push = (...given) => seen.push(...given);
      return kafka.slices(collector);
    },
  ],
  [
    "a concurrent stage",
    async () =>
      kafka.track(
        await runConcurrentStage(new Collecting(), kafka.surroundings(), {
          ...{ on: source, group: "suite", settings: briskSettings },
        }),
      ),
  ],
];

async function begin(id: string): Promise<ForeignTransaction> {
  const { connection } = kafka;
  return beginTransaction(connection, `${connection.topicPrefix}${source.name}`, id);
}

const finished = () => eventually(async () => (await kafka.lag()) === 0);

describe.each(kinds)("%s on a topic of a transactional producer", (_, run) => {
  it("has no lag behind a committed transaction, and none behind an aborted one", async () => {
    kafka = await KafkaFixture.create(1);
    seen.length = 0;
    await run();
    const first = await begin("first");
    await first.send(notes(2, 1));
    await first.commit();
    await eventually(() => seen.length === 2);
    await finished();
    const second = await begin("second");
    await second.send(notes(3, 1, 100));
    await second.abort();
    await finished();
    expect(idsOf(seen)).toEqual([0, 1]);
    await eventually(async () => (await kafka.metric("stage_lag_messages")) === 0);
  });

  it("does not read what two producers have aborted at the same time", async () => {
    kafka = await KafkaFixture.create(1);
    seen.length = 0;
    // The transaction that begins first is aborted last, and then comes second in the response.
    const [one, other, kept] = await Promise.all([begin("one"), begin("other"), begin("kept")]);
    await one.send(notes(1, 1, 100));
    await other.send(notes(1, 1, 200));
    await kept.send(notes(1, 1));
    await one.send(notes(1, 1, 101));
    await other.abort();
    await one.abort();
    await kept.commit();
    await run();
    await eventually(() => seen.length > 0);
    await finished();
    expect(idsOf(seen)).toEqual([0]);
  });

  it("does not count an open transaction as lag", async () => {
    kafka = await KafkaFixture.create(1);
    seen.length = 0;
    await run();
    await kafka.publish(notes(1, 1));
    const open = await begin("open");
    await open.send(notes(5, 1, 100));
    await eventually(() => seen.length === 1);
    // The watch reads the lag every five seconds.
    await sleep(6_000);
    expect(await kafka.metric("stage_lag_messages")).toBe(0);
    await open.commit();
    await eventually(() => seen.length === 6);
  });
});

describe("an operator who reads a topic", () => {
  it("reaches its end behind the marker of a transaction", async () => {
    kafka = await KafkaFixture.create(1);
    const log = new KafkaTopicLog(kafka.connection);
    const read: string[] = [];
    const readAll = async () => {
      read.length = 0;
      const extents = await log.extentsOf(source.name);
      await log.read(source.name, extents!, ({ value }) => read.push(String(value)));
      return read.length;
    };
    const first = await begin("first");
    await first.send(notes(2, 1));
    await first.abort();
    expect(await readAll()).toBe(0);
    const second = await begin("second");
    await second.send(notes(2, 1));
    await second.commit();
    expect(await readAll()).toBe(2);
    await log.close();
  });
});
