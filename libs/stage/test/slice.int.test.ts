import { setTimeout as sleep } from "node:timers/promises";
import { PermanentFault, TransientFault } from "@sluice/domain";
import { afterEach, describe, expect, it } from "vitest";
import { type Delivery, type Effect, outgoing, skip, SliceStage } from "../src/index.ts";
import {
  Collector,
  copyOf,
  eventually,
  idsOf,
  KafkaFixture,
  type Note,
  notes,
  source,
  sourceDeadLetters,
  target,
} from "./kafka-fixture.ts";
import { Line } from "./line.ts";

let kafka: KafkaFixture;
afterEach(() => kafka.close());

/** Copies messages to the target, unless a test gives another behaviour. */
class Copying extends SliceStage<Note> {
  readonly slices: (readonly Delivery<Note>[])[] = [];

  constructor(private readonly before: (slice: readonly Delivery<Note>[]) => unknown = () => {}) {
    super();
  }

  override async process(slice: readonly Delivery<Note>[]): Promise<readonly Effect[]> {
    await this.before(slice);
    this.slices.push(slice);
    return slice.map(copyOf);
  }

  get ids(): number[] {
    return idsOf(this.slices.flat());
  }
}

describe("a slice stage", () => {
  it("keeps the order of each key and publishes one effect per message", async () => {
    kafka = await KafkaFixture.create();
    await kafka.publish(notes(2_000, 20));
    await kafka.slices(new Copying(), { sliceMax: 64 });
    await eventually(async () => (await kafka.lag()) === 0);
    const copies = await kafka.readAll(target);
    expect(copies).toHaveLength(2_000);
    for (let key = 0; key < 20; key += 1) {
      const ids = idsOf(copies.filter((copy) => copy.key === `key-${key}`));
      expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => index * 20 + key));
    }
    expect(await kafka.metric("stage_messages_total", { effect: "emit" })).toBe(2_000);
  });

  it("commits only after settling, and settles only after publishing", async () => {
    kafka = await KafkaFixture.create(1);
    const order: string[] = [];
    class Settling extends Copying {
      override async settled(): Promise<void> {
        const ends = await kafka.offsets.endOffsets(target.name);
        const committed = await kafka.offsets.committed("suite", source.name);
        order.push(`published ${ends.get(0)}, committed ${committed.get(0)}`);
      }
    }
    await kafka.slices(new Settling());
    await kafka.publish(notes(1, 1));
    await eventually(async () => (await kafka.lag()) === 0);
    expect(order).toEqual(["published 1, committed 0"]);
  });

  it("receives the uncommitted messages again after a crash, and no committed ones", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(10, 1));
    // Imitates a crash: the member disappears in the middle of a slice and does not leave the group.
    const line = new Line();
    const connection = line.through(kafka.connection);
    const release = Promise.withResolvers<void>();
    let inSecond = false;
    const crashed = new Copying((slice) => {
      inSecond = slice[0]!.record.id >= 5;
      return inSecond ? release.promise : undefined;
    });
    const producer = kafka.newProducer({ connection, sendTimeoutMs: 1_000 });
    await kafka.slices(crashed, { sliceMax: 5 }, { connection, producer });
    await eventually(() => inSecond);
    await sleep(300);
    expect(await kafka.lag()).toBe(5);
    line.cut();
    const heir = new Copying();
    await kafka.slices(heir);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(heir.ids).toEqual([5, 6, 7, 8, 9]);
    release.resolve();
  });
});

describe("poison and defects", () => {
  it("keep the original bytes and headers, and let the next message pass", async () => {
    kafka = await KafkaFixture.create(1);
    const bytes = Buffer.from([0, 255, 7, 1]);
    await kafka.producer.send([
      {
        kind: "dead-letter",
        topic: source.name,
        key: Buffer.from("k"),
        value: bytes,
        headers: { "correlation-id": "abc" },
        partition: 0,
      },
    ]);
    await kafka.publish(notes(1, 1));
    const stage = new Copying();
    await kafka.slices(stage);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.ids).toEqual([0]);
    const letters = new Collector();
    const bytesSeen: Buffer[] = [];
    kafka.codecs.decode = async <R>(_topic: unknown, value: Buffer) => {
      bytesSeen.push(value);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- foreign bytes in place of a note
      return { id: 0, key: "" } as R;
    };
    await kafka.slices(letters, { on: sourceDeadLetters, group: "letters" });
    await eventually(() => letters.seen.length === 1);
    expect(bytesSeen[0]!.equals(bytes)).toBe(true);
    const headers = Object.entries(letters.seen[0]!.headers).map(([k, v]) => [k, v.toString()]);
    expect(Object.fromEntries(headers)).toMatchObject({
      "correlation-id": "abc",
      "dead-letter-code": "CONTRACT_UNDECODABLE",
      "dead-letter-stage": "suite",
      "dead-letter-topic": "source",
      "dead-letter-partition": "0",
      "dead-letter-offset": "0",
    });
    expect(letters.seen[0]!.key).toBe("k");
  });

  it("are isolated: a TypeError dead-letters only its message, and the consumer continues", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(20, 1));
    const stage = new Copying((slice) => {
      // @ts-expect-error -- the defect of this test
      if (slice.some(({ record }) => record.id === 7)) slice.none.of.this.exists();
    });
    await kafka.slices(stage);
    await eventually(async () => (await kafka.lag()) === 0);
    await kafka.publish(notes(1, 1, 20));
    await eventually(async () => (await kafka.lag()) === 0);
    expect(idsOf(await kafka.readAll(target))).toEqual(
      Array.from({ length: 21 }, (_, id) => id).filter((id) => id !== 7),
    );
    const letters = await kafka.readAll(sourceDeadLetters);
    expect(idsOf(letters)).toEqual([7]);
    expect(letters[0]!.headers["dead-letter-code"]?.toString()).toBe("STAGE_DEFECT");
    expect(kafka.fatal).toEqual([]);
  });

  it("are dead-lettered with their own code and the outcome of the request", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(2, 1));
    const stage = new Copying((slice) => {
      if (slice.some(({ record }) => record.id === 0))
        throw new PermanentFault("PRICE_RATE_MISSING", "no rate");
    });
    const asked: unknown[] = [];
    await kafka.slices(
      stage,
      {},
      {
        deadLetterOutcome: {
          failed: async (topic, record, code) => {
            asked.push([topic, record, code]);
            return [outgoing(target, { id: 99, key: "k" })];
          },
        },
      },
    );
    await eventually(async () => (await kafka.lag()) === 0);
    expect(asked).toEqual([["source", { id: 0, key: "key-0" }, "PRICE_RATE_MISSING"]]);
    expect(idsOf(await kafka.readAll(target))).toEqual([99, 1]);
  });
});

describe("an outage", () => {
  it("pauses the partition, loses no message, and the stage continues when it ends", async () => {
    kafka = await KafkaFixture.create(2);
    let away = true;
    let failures = 0;
    const stage = new Copying(([first]) => {
      if (!away || first!.partition !== 0) return;
      failures += 1;
      throw new TransientFault("REDIS_UNAVAILABLE", "away");
    });
    await kafka.slices(stage);
    await kafka.publish(notes(100, 20));
    const others = (await kafka.offsets.endOffsets(source.name)).get(1)!;
    await eventually(() => stage.ids.length === Number(others) && failures >= 3);
    expect(await kafka.metric("stage_paused_partitions")).toBe(1);
    expect(await kafka.metric("stage_faults_total", { code: "REDIS_UNAVAILABLE" })).toBe(failures);
    away = false;
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.ids.toSorted((a, b) => a - b)).toEqual(
      idsOf(notes(100, 20).map((record) => ({ record }))),
    );
    expect(await kafka.readAll(sourceDeadLetters)).toEqual([]);
  });

  it("of the registry lets earlier messages continue; the message waits, or is dead-lettered on a topic for outside clients", async () => {
    kafka = await KafkaFixture.create(1);
    const decode = kafka.codecs.decode.bind(kafka.codecs);
    kafka.codecs.decode = async (topic, value) => {
      if (value.toString().includes("unknown"))
        throw new TransientFault("CONTRACT_REGISTRY_UNAVAILABLE", "away");
      return decode(topic, value);
    };
    await kafka.publish([
      { id: 0, key: "k" },
      { id: 1, key: "k", text: "unknown" },
      { id: 2, key: "k" },
    ]);
    const waiting = new Copying();
    await kafka.slices(waiting, { group: "waits" });
    await eventually(
      async () => (await kafka.metric("stage_faults_total", { stage: "waits" })) >= 2,
    );
    expect(waiting.ids).toEqual([0]);
    expect(await kafka.lag("waits")).toBe(2);

    const leaving = new Copying();
    await kafka.slices(leaving, { group: "leaves", unknownSchemas: "dead-letter" });
    await eventually(async () => (await kafka.lag("leaves")) === 0);
    expect(leaving.ids).toEqual([0, 2]);
  });
});

describe("a broker that is unavailable", () => {
  it("for longer than the client's retries costs nothing but time", async () => {
    kafka = await KafkaFixture.create(2);
    const line = new Line();
    const stage = new Copying();
    await kafka.slices(stage, {}, { connection: line.through(kafka.connection) });
    await kafka.publish(notes(20, 10));
    await eventually(async () => (await kafka.lag()) === 0);
    line.cut();
    await kafka.publish(notes(20, 10, 20));
    await sleep(20_000);
    expect(stage.ids.length).toBe(20);
    line.mend();
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.ids.toSorted((a, b) => a - b)).toEqual(notes(40, 1).map(({ id }) => id));
    expect(kafka.fatal).toEqual([]);
  });
});

describe("a group", () => {
  it("has an offset from its first assignment on, before any message arrives", async () => {
    kafka = await KafkaFixture.create(2);
    await kafka.slices(new Collector());
    await eventually(async () => (await kafka.offsets.committed("suite", source.name)).size === 2);
    expect(await kafka.offsets.committed("suite", source.name)).toEqual(
      new Map([
        [0, 0n],
        [1, 0n],
      ]),
    );
  });

  it("begins at the offset that the stage returns", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(10, 1));
    const assigned: number[][] = [];
    class Resuming extends Copying {
      override async resumeAt(): Promise<bigint> {
        return 6n;
      }
      override async onAssigned(partitions: readonly number[]): Promise<void> {
        assigned.push([...partitions]);
      }
    }
    const stage = new Resuming();
    await kafka.slices(stage);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.ids).toEqual([6, 7, 8, 9]);
    expect(assigned).toEqual([[0]]);
  });

  it("loses nothing while members join and leave, and each receives its keys in order", async () => {
    kafka = await KafkaFixture.create(6);
    const seen: Delivery<Note>[] = [];
    class Watching extends SliceStage<Note> {
      override async process(slice: readonly Delivery<Note>[]): Promise<readonly Effect[]> {
        await new Promise((resolve) => setTimeout(resolve, 10));
        seen.push(...slice);
        return slice.map(() => skip("seen"));
      }
    }
    const flow = kafka.flow(50, 20);
    const members = [await kafka.slices(new Watching(), { sliceMax: 10 })];
    for (let round = 0; round < 2; round += 1) {
      members.push(await kafka.slices(new Watching(), { sliceMax: 10 }));
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
    await members.shift()!.stop();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await members.shift()!.stop();
    const sent = await flow.stop();
    await eventually(async () => (await kafka.lag()) === 0);
    expect(new Set(idsOf(seen)).size).toBe(sent);
    // A rebalance finds every slice finished and committed, so nothing is delivered twice.
    expect(seen.length).toBe(sent);
    expect(kafka.fatal).toEqual([]);
  });
});
