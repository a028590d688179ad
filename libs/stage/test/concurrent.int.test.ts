import { setTimeout as sleep } from "node:timers/promises";
import { TransientFault } from "@sluice/domain";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Delivery,
  type Effect,
  type ConcurrentContext,
  ConcurrentStage,
  type ConcurrentStageOptions,
  type Deferral,
  type RunningStage,
  runConcurrentStage,
  type StageSurroundings,
  defer,
} from "../src/index.ts";
import {
  briskBackOff,
  briskSettings,
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

const ascending = (a: number, b: number) => a - b;

type Handle = (
  delivery: Delivery<Note>,
  context: ConcurrentContext,
) => Promise<Effect | Deferral | void>;

class Calling extends ConcurrentStage<Note> {
  /** One entry per call. */
  readonly calls: number[] = [];
  readonly ended: number[] = [];
  running = 0;
  runningMax = 0;

  constructor(private readonly call: Handle = async () => {}) {
    super();
  }

  override async handle(
    delivery: Delivery<Note>,
    context: ConcurrentContext,
  ): Promise<Effect | Deferral> {
    this.calls.push(delivery.record.id);
    this.running += 1;
    this.runningMax = Math.max(this.runningMax, this.running);
    try {
      return (await this.call(delivery, context)) ?? copyOf(delivery);
    } finally {
      this.running -= 1;
      this.ended.push(delivery.record.id);
    }
  }
}

async function start(
  stage: Calling,
  options: Partial<ConcurrentStageOptions<Note>> = {},
  surroundings: Partial<StageSurroundings> = {},
): Promise<RunningStage> {
  return kafka.track(
    await runConcurrentStage(
      stage,
      { ...kafka.surroundings(), ...surroundings },
      { on: source, group: "suite", settings: briskSettings, backOff: briskBackOff, ...options },
    ),
  );
}

describe("a concurrent stage", () => {
  it("commits nothing behind a call that still runs, and does not wait for it otherwise", async () => {
    kafka = await KafkaFixture.create(1);
    const first = Promise.withResolvers<void>();
    const stage = new Calling(({ record }) => (record.id === 0 ? first.promise : sleep(1)));
    await kafka.publish(notes(30, 3));
    await start(stage, { concurrency: 4 });
    await eventually(() => stage.ended.length === 29);
    await sleep(600);
    expect(await kafka.lag()).toBe(30);
    first.resolve();
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.calls.toSorted(ascending)).toEqual(notes(30, 1).map(({ id }) => id));
  });

  it("receives a message once although its call takes 60 s, ten session timeouts, while others continue", async () => {
    kafka = await KafkaFixture.create(2);
    const stage = new Calling(({ record }) => sleep(record.id === 0 ? 60_000 : 1));
    await start(stage);
    await kafka.publish(notes(10, 10));
    for (let sent = 10; sent < 100; sent += 10) {
      await sleep(6_000);
      await kafka.publish(notes(10, 10, sent));
    }
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.calls.length).toBe(100);
    expect(new Set(stage.calls).size).toBe(100);
    // They were sent over 54 s and all ended before the call of 60 s, which stalled none of them.
    expect(stage.ended.at(-1)).toBe(0);
    expect(kafka.fatal).toEqual([]);
  }, 120_000);

  it("takes no more messages than its limit, and processes all of them", async () => {
    kafka = await KafkaFixture.create(4);
    await kafka.publish(notes(400, 40));
    const stage = new Calling(() => sleep(20));
    await start(stage, { concurrency: 8, inHandMax: 16 });
    let inHandMax = 0;
    await eventually(async () => {
      inHandMax = Math.max(inHandMax, await kafka.metric("stage_lane_in_hand_messages"));
      return stage.ended.length === 400;
    });
    expect(stage.runningMax).toBe(8);
    expect(inHandMax).toBeLessThanOrEqual(16);
    expect(stage.calls.length).toBe(400);
    await eventually(async () => (await kafka.lag()) === 0);
  });

  it("does not run far ahead of a call that hangs", async () => {
    kafka = await KafkaFixture.create(1);
    const hang = Promise.withResolvers<void>();
    const stage = new Calling(({ record }) => (record.id === 0 ? hang.promise : sleep(0)));
    await kafka.publish(notes(300, 3));
    await start(stage, { uncommittedMax: 50 });
    await eventually(() => stage.ended.length === 49);
    await sleep(500);
    expect(stage.calls.length).toBe(50);
    hang.resolve();
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.calls.length).toBe(300);
  });

  it("handles a deferred message again, while others continue", async () => {
    kafka = await KafkaFixture.create(1);
    const stage = new Calling(async ({ record }, { repeats }) =>
      record.id === 0 && repeats < 2 ? defer(300, "lease") : undefined,
    );
    await kafka.publish(notes(5, 1));
    await start(stage);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.calls).toEqual([0, 1, 2, 3, 4, 0, 0]);
  });
});

describe("faults in a concurrent stage", () => {
  it("a TypeError dead-letters its message without a second call", async () => {
    kafka = await KafkaFixture.create(1);
    const stage = new Calling(async ({ record }) => {
      // @ts-expect-error -- the defect of this test
      if (record.id === 2) record.none.exists();
    });
    await kafka.publish(notes(5, 1));
    await start(stage);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.calls).toEqual([0, 1, 2, 3, 4]);
    const [letter, ...more] = await kafka.readAll(sourceDeadLetters);
    expect(more).toEqual([]);
    expect(letter!.headers["dead-letter-code"]?.toString()).toBe("STAGE_DEFECT");
    expect(kafka.fatal).toEqual([]);
  });

  it("an outage pauses the partition until it ends", async () => {
    kafka = await KafkaFixture.create(1);
    let away = true;
    const stage = new Calling(async () => {
      if (away) throw new TransientFault("REDIS_UNAVAILABLE", "away");
    });
    await kafka.publish(notes(3, 1));
    await start(stage);
    await eventually(() => stage.calls.length >= 9);
    expect(await kafka.metric("stage_paused_partitions")).toBe(1);
    expect(await kafka.lag()).toBe(3);
    away = false;
    await eventually(async () => (await kafka.lag()) === 0);
    expect(await kafka.metric("stage_paused_partitions")).toBe(0);
    expect(idsOf(await kafka.readAll(target)).toSorted(ascending)).toEqual([0, 1, 2]);
  });

  it("a broker that is unavailable while publishing causes no second call", async () => {
    kafka = await KafkaFixture.create(1);
    const line = new Line();
    const connection = line.through(kafka.connection);
    const producer = kafka.newProducer({ connection, sendTimeoutMs: 500 });
    const stage = new Calling();
    line.cut();
    await start(stage, {}, { producer });
    await kafka.publish(notes(3, 1));
    await eventually(async () => (await kafka.metric("stage_faults_total")) >= 3);
    line.mend();
    await eventually(async () => (await kafka.lag()) === 0);
    expect(stage.calls.toSorted(ascending)).toEqual([0, 1, 2]);
    expect(idsOf(await kafka.readAll(target)).toSorted(ascending)).toEqual([0, 1, 2]);
  });
});

describe("a rebalance of concurrent stages", () => {
  it("lets running calls end, and does not repeat those whose partition stays", async () => {
    kafka = await KafkaFixture.create(4);
    await kafka.publish(notes(16, 16));
    const revoked: boolean[] = [];
    const call: Handle = async (_delivery, context) => {
      await sleep(4_000);
      revoked.push(context.revoked.aborted);
    };
    const [older, newer] = [new Calling(call), new Calling(call)];
    await start(older);
    await eventually(() => older.calls.length === 16);
    await start(newer);
    await eventually(() => older.ended.length === 16);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(revoked.filter(Boolean).length).toBeGreaterThan(0);
    // The older member called each once. The newer one repeats only the messages that moved to it.
    expect(older.calls.length).toBe(16);
    const ends = await kafka.offsets.endOffsets(source.name);
    const largestTwo = [...ends.values()]
      .map(Number)
      .toSorted((a, b) => b - a)
      .slice(0, 2);
    expect(newer.calls.length).toBeLessThanOrEqual(largestTwo.reduce((sum, each) => sum + each, 0));
    expect(newer.calls.length).toBeGreaterThan(0);
  });

  it("loses nothing while three members join and leave and messages flow", async () => {
    kafka = await KafkaFixture.create(6);
    const stages = [0, 1, 2].map(() => new Calling(() => sleep(30)));
    const [first, second, third] = [stages[0]!, stages[1]!, stages[2]!];
    const flow = kafka.flow(20, 40);
    const leaving = await start(first);
    await sleep(1_000);
    await start(second);
    await sleep(1_500);
    await start(third);
    await sleep(1_500);
    await leaving.stop();
    await sleep(1_500);
    const sent = await flow.stop();
    await eventually(async () => (await kafka.lag()) === 0);
    const ended = new Set(stages.flatMap((stage) => stage.ended));
    expect(ended.size).toBe(sent);
    const published = await kafka.readAll(target);
    expect(new Set(idsOf(published)).size).toBe(sent);
  });

  it("redelivers only the uncommitted messages of a crashed member to another", async () => {
    kafka = await KafkaFixture.create(1);
    const line = new Line();
    const connection = line.through(kafka.connection);
    const release = Promise.withResolvers<void>();
    const dying = new Calling(({ record }) => (record.id >= 4 ? release.promise : sleep(1)));
    await kafka.publish(notes(8, 2));
    const producer = kafka.newProducer({ connection, sendTimeoutMs: 1_000 });
    await start(dying, { drainMs: 100 }, { connection, producer });
    await eventually(async () => (await kafka.lag()) === 4);
    line.cut();
    const heir = new Calling();
    const cutAt = Date.now();
    await start(heir);
    await eventually(async () => (await kafka.lag()) === 0);
    expect(heir.calls).toEqual([4, 5, 6, 7]);
    expect(Date.now() - cutAt).toBeLessThan(12_000);
    release.resolve();
  });
});

describe("stopping a concurrent stage", () => {
  it("lets running calls end and publishes their effects before a fatal fault ends the process", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(1, 1));
    const release = Promise.withResolvers<void>();
    const stage = new Calling(() => release.promise);
    const running = await start(stage, { settings: { ...briskSettings, noProgressMs: 300 } });
    await eventually(() => !running.isAssigned, 15_000);
    expect(kafka.fatal).toEqual([]);
    release.resolve();
    await eventually(() => kafka.fatal.length === 1);
    expect(kafka.fatal).toEqual(["STAGE_CONSUMER_STUCK"]);
    expect(idsOf(await kafka.readAll(target))).toEqual([0]);
  });

  it("leaves its group while a long call still runs, so that other messages do not wait for that call", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(3, 1));
    const release = Promise.withResolvers<void>();
    const stage = new Calling(() => release.promise);
    const running = await start(stage, { concurrency: 1, drainMs: 60_000 });
    await eventually(() => stage.calls.length === 1);
    const stopped = running.stop();
    const heir = new Calling();
    await start(heir);
    await eventually(() => heir.calls.length === 3, 20_000);
    expect(stage.ended).toEqual([]);
    release.resolve();
    await stopped;
    expect(stage.ended).toEqual([0]);
  });

  it("waits for running calls, starts no others, and commits the finished ones", async () => {
    kafka = await KafkaFixture.create(1);
    await kafka.publish(notes(10, 1));
    const stage = new Calling(() => sleep(500));
    const running = await start(stage, { concurrency: 3 });
    await eventually(() => stage.calls.length === 3);
    await running.stop();
    expect(stage.ended.length).toBe(3);
    expect(stage.calls.length).toBe(3);
    expect(await kafka.lag()).toBe(7);
    // It left the group, so that another member does not have to wait for a session to expire.
    await start(new Calling());
    await eventually(async () => (await kafka.lag()) === 0, 4_000);
  });
});
