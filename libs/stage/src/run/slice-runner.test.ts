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
  skip,
} from "../core/effects.ts";
import { InMemoryEventProducer } from "../core/in-memory-event-producer.ts";
import { silentLogger } from "../core/logger.ts";
import { MessageReader } from "./message-reader.ts";
import { NoMetrics } from "../core/metrics.ts";
import type { RawMessage } from "../core/raw-message.ts";
import { SliceRunner } from "./slice-runner.ts";
import { TextCodecs, textTopic } from "./text-records.fixture.ts";
import { DeadLetterOutcome, NoDeadLetterOutcome, SliceStage } from "../core/stage.ts";

class Scripted extends SliceStage<string> {
  readonly slices: string[] = [];
  readonly settledSlices: string[] = [];

  constructor(private readonly say: (record: string) => Effect) {
    super();
  }

  override async process(slice: readonly Delivery<string>[]): Promise<readonly Effect[]> {
    this.slices.push(slice.map(({ record }) => record).join(""));
    return slice.map(({ record }) => this.say(record));
  }

  override async settled(slice: readonly Delivery<string>[]): Promise<void> {
    this.settledSlices.push(slice.map(({ record }) => record).join(""));
  }
}

const copy = (record: string) => emit(outgoing(textTopic, record));

/** A topic whose records lose all but their first letter when Kafka refuses them. */
const shortTopic = { ...textTopic, shorten: (record: string) => record.slice(0, 1) };

/** Publishes the outcome of every dead letter on {@link shortTopic}. */
class ShortOutcome extends DeadLetterOutcome {
  override async failed(_topic: string, record: unknown) {
    return [outgoing(shortTopic, `${String(record)}!`)];
  }
}

function newRunner(
  say: (record: string) => Effect,
  deadLetterOutcome: DeadLetterOutcome = new NoDeadLetterOutcome(),
) {
  const stage = new Scripted(say);
  const producer = new InMemoryEventProducer();
  const faults: string[] = [];
  const reader = new MessageReader({
    stage: "suite",
    topic: textTopic,
    codecs: new TextCodecs(),
    deadLetterOutcome,
    unknownSchemas: "wait",
    valueBytesMax: 3,
    refuse: (message) => stage.refuseUndecoded?.(message),
    clock: new SystemClock(),
    logger: silentLogger,
    metrics: { ...new NoMetrics().forStage(), fault: (code) => faults.push(code) },
  });
  const runner = new SliceRunner(stage, reader, producer, silentLogger);
  const take = (texts: readonly string[]) => runner.run(texts.map(rawOf));
  return { stage, producer, faults, take, run: (texts: string) => take(texts.split("")) };
}

/** Lets the producer refuse messages for good, as a broker does. */
function refuse(producer: InMemoryEventProducer, isRefused: (message: Publishable) => boolean) {
  const send = producer.send.bind(producer);
  producer.send = async (messages) => {
    if (messages.some(isRefused)) throw new PermanentFault("STAGE_MESSAGE_REFUSED", "too large");
    await send(messages);
  };
}

function recordIn(message: Publishable): string {
  return isDeadLetter(message) ? "" : String(message.record);
}

function rawOf(text: string, index: number): RawMessage {
  const value = text === "0" ? null : Buffer.from(text);
  const offset = BigInt(index);
  return { topic: "source", partition: 0, offset, key: null, value, headers: {}, appendedAt: 0 };
}

function sentBy(producer: InMemoryEventProducer): string {
  return producer.sent
    .map((message) =>
      isDeadLetter(message)
        ? `[${message.value?.toString() ?? ""} ${String(message.headers["dead-letter-code"])}]`
        : String(message.record),
    )
    .join("");
}

describe("running a slice", () => {
  it("publishes each effect in the order of its messages, then settles", async () => {
    const { run, producer, stage } = newRunner((record) =>
      record === "b" ? skip("no") : copy(record),
    );
    expect(await run("abc")).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("ac");
    expect(stage.settledSlices).toEqual(["abc"]);
  });

  it("dead-letters undecodable and empty messages without passing them to the stage", async () => {
    const { run, producer, stage } = newRunner(copy);
    expect(await run("a#0b")).toEqual({ done: 4 });
    expect(sentBy(producer)).toBe("a[# CONTRACT_UNDECODABLE][ STAGE_UNDECODABLE]b");
    expect(stage.slices).toEqual(["ab"]);
  });

  it("dead-letters a message that is too long without decoding it", async () => {
    const { take, producer, stage } = newRunner(copy);
    expect(await take(["a", "????", "b"])).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("a[???? STAGE_MESSAGE_TOO_LONG]b");
    expect(stage.slices).toEqual(["ab"]);
  });

  it("dead-letters a message that the stage refuses before it is decoded", async () => {
    const { run, producer, stage } = newRunner(copy);
    stage.refuseUndecoded = ({ value }) =>
      String(value) === "#" ? { kind: "dead-letter", code: "UNSIGNED", reason: "no" } : undefined;
    expect(await run("a#b")).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("a[# UNSIGNED]b");
    expect(stage.slices).toEqual(["ab"]);
  });

  it("publishes a dead letter that the broker refuses again without its bytes, and continues", async () => {
    const { run, producer } = newRunner(copy);
    refuse(producer, (message) => isDeadLetter(message) && message.value !== null);
    expect(await run("a#b")).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("a[ CONTRACT_UNDECODABLE]b");
    expect(producer.deadLetters[0]?.headers).toMatchObject({
      ...{ "dead-letter-omitted": "original", "dead-letter-topic": "source" },
      "dead-letter-offset": "1",
      "dead-letter-appended-at": expect.stringMatching(/^\d+$/),
    });
  });

  it("publishes a record that the broker refuses as its topic shortens it, and settles it", async () => {
    const { run, producer, stage } = newRunner((record) =>
      emit(outgoing(shortTopic, `${record}${record}`)),
    );
    refuse(producer, (message) => recordIn(message) === "bb");
    expect(await run("abc")).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("aabcc");
    expect(stage.settledSlices).toEqual(["a", "b", "c"]);
  });

  it("dead-letters a message whose record the broker refuses even when it is shortened", async () => {
    const { run, producer } = newRunner((record) =>
      emit(outgoing(shortTopic, `${record}${record}`)),
    );
    refuse(producer, (message) => recordIn(message).startsWith("b"));
    expect(await run("abc")).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("aa[b STAGE_MESSAGE_REFUSED]cc");
  });

  it("shortens the outcome of a dead letter, too", async () => {
    const { run, producer } = newRunner(() => deadLetter("X", "x"), new ShortOutcome());
    refuse(producer, (message) => recordIn(message).endsWith("!"));
    expect(await run("a")).toEqual({ done: 1 });
    expect(sentBy(producer)).toBe("a[ X]");
  });

  it("gives up only the message that cannot be published at all, reports it, and continues", async () => {
    const { run, producer, faults } = newRunner(() => deadLetter("X", "x"), new ShortOutcome());
    refuse(producer, (message) => !isDeadLetter(message));
    expect(await run("ab")).toEqual({ done: 2 });
    expect(sentBy(producer)).toBe("[a X][b X]");
    expect(faults.filter((code) => code === "STAGE_MESSAGE_UNPUBLISHED")).toHaveLength(2);
  });

  it("gives up a dead letter that the broker refuses even without its original", async () => {
    const { run, producer, faults } = newRunner(() => deadLetter("X", "x"), new ShortOutcome());
    refuse(producer, isDeadLetter);
    expect(await run("a")).toEqual({ done: 1 });
    expect(sentBy(producer)).toBe("a!");
    expect(faults).toContain("STAGE_MESSAGE_UNPUBLISHED");
  });

  it("does not dead-letter messages after a defect in settled, and settles the others", async () => {
    const { run, producer, stage } = newRunner(copy);
    const settled = stage.settled.bind(stage);
    stage.settled = async (slice) => {
      if (slice.some(({ record }) => record === "b")) throw new TypeError("WRONGTYPE");
      await settled(slice);
    };
    expect(await run("abc")).toEqual({ done: 3 });
    expect(sentBy(producer)).toBe("abc");
    expect(stage.slices).toEqual(["abc"]);
    expect(stage.settledSlices).toEqual(["a", "c"]);
  });

  it("runs the slice again if settled meets an outage", async () => {
    const { run, stage } = newRunner(copy);
    stage.settled = async () => {
      throw new TransientFault("REDIS_UNAVAILABLE", "away");
    };
    expect(await run("ab")).toMatchObject({ done: 0, outage: { code: "REDIS_UNAVAILABLE" } });
  });

  it("stops before a message that must wait for the registry", async () => {
    const { run, stage } = newRunner(copy);
    expect(await run("ab?c")).toMatchObject({
      done: 2,
      outage: { code: "CONTRACT_REGISTRY_UNAVAILABLE" },
    });
    expect(stage.settledSlices).toEqual(["ab"]);
  });

  it("runs again one message at a time after a defect, and dead-letters only the message at fault", async () => {
    const { run, producer, stage } = newRunner((record) => {
      if (record === "b") throw new TypeError("undefined is not a function");
      return copy(record);
    });
    expect(await run("abc")).toEqual({ done: 3 });
    expect(stage.slices).toEqual(["abc", "a", "b", "c"]);
    expect(sentBy(producer)).toBe("a[b STAGE_DEFECT]c");
  });

  it("publishes nothing of a slice before all its effects are decided", async () => {
    const { run, producer } = newRunner((record) => {
      if (record === "b") throw new TransientFault("REDIS_UNAVAILABLE", "away");
      return copy(record);
    });
    expect(await run("ab")).toMatchObject({ done: 0, outage: { code: "REDIS_UNAVAILABLE" } });
    expect(sentBy(producer)).toBe("");
  });

  it("keeps the finished messages when an outage interrupts a run of single messages", async () => {
    let defects = 0;
    const { run, producer } = newRunner((record) => {
      if (record === "b" && defects++ === 0) throw new TypeError("defect");
      if (record === "b") throw new TransientFault("REDIS_UNAVAILABLE", "away");
      return copy(record);
    });
    expect(await run("abc")).toMatchObject({ done: 1, outage: { code: "REDIS_UNAVAILABLE" } });
    expect(sentBy(producer)).toBe("a");
  });

  it("treats an unavailable broker as an outage, and settles nothing", async () => {
    const { run, producer, stage } = newRunner(copy);
    producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "away");
    expect(await run("ab")).toMatchObject({
      done: 0,
      outage: { code: "STAGE_BROKER_UNAVAILABLE" },
    });
    expect(stage.settledSlices).toEqual([]);
  });

  it("dead-letters messages for which a stage returns too few effects", async () => {
    const { run, producer, stage } = newRunner(copy);
    stage.process = async (slice) => slice.slice(1).map(({ record }) => copy(record));
    expect(await run("ab")).toEqual({ done: 2 });
    expect(sentBy(producer)).toBe("[a STAGE_DEFECT][b STAGE_DEFECT]");
  });
});
