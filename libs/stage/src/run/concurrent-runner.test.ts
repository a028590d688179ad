import { setTimeout as sleep } from "node:timers/promises";
import { PermanentFault, SystemClock, TransientFault } from "@sluice/domain";
import { describe, expect, it } from "vitest";
import {
  deadLetter,
  type Delivery,
  type Effect,
  emit,
  isDeadLetter,
  outgoing,
  type Publishable,
} from "../core/effects.ts";
import { InMemoryEventProducer } from "../core/in-memory-event-producer.ts";
import { ConcurrentRunner } from "./concurrent-runner.ts";
import { silentLogger } from "../core/logger.ts";
import { MessageReader } from "./message-reader.ts";
import { NoMetrics } from "../core/metrics.ts";
import { TextCodecs, textTopic } from "./text-records.fixture.ts";
import type { RawMessage } from "../core/raw-message.ts";
import {
  type ConcurrentContext,
  ConcurrentStage,
  type Deferral,
  NoDeadLetterOutcome,
  defer,
} from "../core/stage.ts";

type Call = (record: string, context: ConcurrentContext) => Promise<Effect | Deferral | void>;

class Scripted extends ConcurrentStage<string> {
  readonly calls: string[] = [];
  constructor(private readonly call: Call) {
    super();
  }
  override async handle({ record }: Delivery<string>, context: ConcurrentContext) {
    this.calls.push(record);
    return (await this.call(record, context)) ?? emit(outgoing(textTopic, record));
  }
}

function newRunner(call: Call, concurrency = 2) {
  const stage = new Scripted(call);
  const producer = new InMemoryEventProducer();
  const faults: string[] = [];
  const metrics = { ...new NoMetrics().forStage(), fault: (code: string) => faults.push(code) };
  const finished: bigint[] = [];
  const failing: string[] = [];
  const reader = new MessageReader({
    stage: "suite",
    topic: textTopic,
    codecs: new TextCodecs(),
    deadLetterOutcome: new NoDeadLetterOutcome(),
    unknownSchemas: "wait",
    valueBytesMax: 1_024,
    clock: new SystemClock(),
    logger: silentLogger,
    metrics,
  });
  const runner = new ConcurrentRunner({
    stage,
    reader,
    producer,
    metrics,
    concurrency,
    logger: silentLogger,
    backOff: { firstMs: 5, maxMs: 10 },
    onFinished: ({ offset }) => finished.push(offset),
    onFailing: ({ offset }, is) => failing.push(`${offset} ${is}`),
    onRoom: () => undefined,
  });
  return { runner, stage, producer, finished, failing, faults };
}

function raw(offset: number, text = String(offset)): RawMessage {
  const value = Buffer.from(text);
  return {
    topic: "source",
    partition: 0,
    offset: BigInt(offset),
    key: null,
    value,
    headers: {},
    appendedAt: 0,
  };
}

describe("a concurrent stage of long calls", () => {
  it("runs no more handlers at once than its limit", async () => {
    let running = 0;
    let most = 0;
    const { runner, finished } = newRunner(async () => {
      most = Math.max(most, ++running);
      await sleep(5);
      running -= 1;
    });
    for (let offset = 0; offset < 10; offset += 1) runner.take(raw(offset));
    expect(runner.inHand).toBe(10);
    await expect.poll(() => finished.length).toBe(10);
    expect(most).toBe(2);
  });

  it("drops messages that do not run yet when its partitions are revoked, and lets running calls end", async () => {
    const gate = Promise.withResolvers<void>();
    const aborted: boolean[] = [];
    const { runner, stage, finished, producer } = newRunner(async (_record, { revoked }) => {
      await gate.promise;
      aborted.push(revoked.aborted);
    });
    for (let offset = 0; offset < 5; offset += 1) runner.take(raw(offset));
    await expect.poll(() => stage.calls.length).toBe(2);
    runner.revoke();
    expect(runner.inHand).toBe(2);
    gate.resolve();
    await expect.poll(() => finished).toEqual([0n, 1n]);
    expect(stage.calls).toEqual(["0", "1"]);
    expect(aborted).toEqual([true, true]);
    expect(producer.records.length).toBe(2);
  });

  it("does not call again for a message that still runs when its partition returns", async () => {
    const gate = Promise.withResolvers<void>();
    const { runner, stage, finished } = newRunner(() => gate.promise);
    expect(runner.take(raw(0))).toBe(true);
    await expect.poll(() => stage.calls.length).toBe(1);
    runner.revoke();
    expect(runner.take(raw(0))).toBe(false);
    gate.resolve();
    await expect.poll(() => finished).toEqual([0n]);
    expect(stage.calls).toEqual(["0"]);
  });

  it("calls for another message at the offset of a running one, as after the topic was created again", async () => {
    const gate = Promise.withResolvers<void>();
    const { runner, stage } = newRunner(() => gate.promise);
    runner.take(raw(0));
    runner.revoke();
    expect(runner.take({ ...raw(0, "1"), appendedAt: 1 })).toBe(true);
    await expect.poll(() => stage.calls).toEqual(["0", "1"]);
    gate.resolve();
  });

  it("runs such a message again if it then meets an outage", async () => {
    const gate = Promise.withResolvers<void>();
    let away = true;
    const { runner, finished } = newRunner(async () => {
      await gate.promise;
      if (away) throw new TransientFault("REDIS_UNAVAILABLE", "away");
    });
    runner.take(raw(0));
    await sleep(1);
    runner.revoke();
    runner.take(raw(0));
    gate.resolve();
    await sleep(20);
    away = false;
    await expect.poll(() => finished).toEqual([0n]);
  });

  it("reports a message that meets an outage until it is finished", async () => {
    let outages = 2;
    const { runner, finished, failing } = newRunner(async () => {
      if (outages-- > 0) throw new TransientFault("REDIS_UNAVAILABLE", "away");
    });
    runner.take(raw(0));
    await expect.poll(() => finished).toEqual([0n]);
    expect(failing).toEqual(["0 true", "0 false"]);
  });

  it("does not repeat a call because publishing failed", async () => {
    const { runner, stage, producer, finished } = newRunner(async () => {});
    producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "away");
    runner.take(raw(0));
    await sleep(30);
    expect(finished).toEqual([]);
    producer.fault = undefined;
    await expect.poll(() => finished).toEqual([0n]);
    expect(stage.calls).toEqual(["0"]);
  });

  it("dead-letters a message whose effect the broker refuses for good", async () => {
    const { runner, producer, finished } = newRunner(async () => {});
    const send = producer.send.bind(producer);
    producer.send = async (messages) => {
      if (messages.some((message) => "record" in message))
        throw new PermanentFault("STAGE_MESSAGE_REFUSED", "too large");
      return send(messages);
    };
    runner.take(raw(0));
    await expect.poll(() => finished).toEqual([0n]);
    expect(producer.deadLetters[0]!.headers["dead-letter-code"]).toBe("STAGE_MESSAGE_REFUSED");
  });

  it.each([
    ["only records", (message: Publishable) => !isDeadLetter(message), 1],
    [
      "only dead letters with their original",
      (message: Publishable) => isDeadLetter(message) && message.value !== null,
      1,
    ],
    ["everything", () => true, 0],
  ])(
    "finishes a message although the broker refuses %s for good",
    async (_, isRefused, letters) => {
      const { runner, stage, producer, finished, faults } = newRunner(async (record) =>
        record === "0" ? deadLetter("X", "x") : undefined,
      );
      const send = producer.send.bind(producer);
      producer.send = async (messages) => {
        if (messages.some(isRefused))
          throw new PermanentFault("STAGE_MESSAGE_REFUSED", "too large");
        await send(messages);
      };
      runner.take(raw(0));
      await expect.poll(() => finished).toEqual([0n]);
      expect(stage.calls).toEqual(["0"]);
      expect(producer.deadLetters).toHaveLength(letters);
      const unpublished = faults.filter((code) => code === "STAGE_MESSAGE_UNPUBLISHED");
      expect(unpublished).toHaveLength(1 - letters);
    },
  );

  it("publishes a record that the broker refuses as its topic shortens it", async () => {
    const shortTopic = { ...textTopic, shorten: (record: string) => record.slice(0, 1) };
    const { runner, producer, finished } = newRunner(async () =>
      emit(outgoing(shortTopic, "long")),
    );
    const send = producer.send.bind(producer);
    producer.send = async (messages) => {
      if (messages.some((message) => "record" in message && message.record === "long"))
        throw new PermanentFault("STAGE_MESSAGE_REFUSED", "too large");
      await send(messages);
    };
    runner.take(raw(0));
    await expect.poll(() => finished).toEqual([0n]);
    expect(producer.records.map(({ record }) => record)).toEqual(["l"]);
    expect(producer.deadLetters).toEqual([]);
  });

  it("handles a deferred message again without occupying a place meanwhile", async () => {
    const { runner, stage, finished } = newRunner(
      async (record, { repeats }) =>
        record === "0" && repeats === 0 ? defer(20, "lease") : undefined,
      1,
    );
    for (const offset of [0, 1, 2]) runner.take(raw(offset));
    await expect.poll(() => finished).toEqual([1n, 2n, 0n]);
    expect(stage.calls).toEqual(["0", "1", "2", "0"]);
  });

  it("counts how long a message was postponed in all", async () => {
    const waits: number[] = [];
    const { runner, finished } = newRunner(async (_record, { repeats, waitedMs }) => {
      waits.push(waitedMs);
      return repeats < 2 ? defer(10 + repeats, "rest") : undefined;
    });
    runner.take(raw(0));
    await expect.poll(() => finished).toEqual([0n]);
    expect(waits).toEqual([0, 10, 21]);
  });

  it("waits for running handlers, but no longer than it should, and lets aborted ones record what they know", async () => {
    const recorded: string[] = [];
    const { runner, stage, finished } = newRunner(async (record, { stopping }) => {
      if (record !== "1") {
        await sleep(20);
        return;
      }
      await new Promise((resolve) => stopping.addEventListener("abort", resolve));
      await sleep(30);
      recorded.push(record);
    });
    for (const offset of [0, 1, 2]) runner.take(raw(offset));
    await expect.poll(() => stage.calls.length).toBe(2);
    const startedAt = performance.now();
    runner.close();
    await runner.idle(60);
    await runner.giveUp();
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(recorded).toEqual(["1"]);
    expect(finished).toEqual([0n]);
    expect(stage.calls).toEqual(["0", "1"]);
  });
});
