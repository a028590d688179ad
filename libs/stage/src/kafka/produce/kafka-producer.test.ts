import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../core/faults.ts";
import { silentLogger } from "../../core/logger.ts";
import { NoMetrics } from "../../core/metrics.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KafkaProducer, type KafkaProducerOptions } from "./kafka-producer.ts";
import { brokerError, ScriptedBroker } from "./scripted-link.fixture.ts";
import type { WireMessage } from "./send-batch.ts";

let broker: ScriptedBroker;
const producers: KafkaProducer[] = [];

beforeEach(() => {
  broker = new ScriptedBroker();
  broker.layouts.set("a", { leaders: [1, 1] });
  broker.layouts.set("b", { leaders: [1] });
});
afterEach(async () => {
  broker.troubles.clear();
  broker.isUnreachable = false;
  await Promise.all(producers.splice(0).map((producer) => producer.close()));
});

function producerWith(options: KafkaProducerOptions = {}): KafkaProducer {
  const metrics = new NoMetrics().forProducer();
  const pace = { leastMs: 1, mostMs: 1 };
  const settings = { sendTimeoutMs: 400, pace, ...options };
  const producer = new KafkaProducer({ brokers: [] }, silentLogger, metrics, broker.open, settings);
  producers.push(producer);
  return producer;
}

function message(topic: string, partition: number, value: string, bytes = 1): WireMessage {
  return {
    topic,
    key: null,
    value: Buffer.from(value),
    headers: {},
    partitionHint: partition,
    bytes,
  };
}

/** Returns "sent", or the code of the fault, for each call. */
async function ends(calls: readonly Promise<void>[]): Promise<readonly string[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((each) =>
    each.status === "fulfilled" ? "sent" : codeOf(each.reason, "STAGE_DEFECT"),
  );
}

describe("a producer whose broker does not accept messages for one partition", () => {
  it.each([
    brokerError("NOT_ENOUGH_REPLICAS"),
    brokerError("REQUEST_TIMED_OUT"),
    brokerError("TOPIC_AUTHORIZATION_FAILED"),
    "silent" as const,
  ])("sends to all others, and rejects only the calls of that one (%s)", async (trouble) => {
    broker.troubles.set("a/0", trouble);
    // A node that is silent is so for all of its partitions.
    if (trouble === "silent") broker.layouts.set("a", { leaders: [2, 1] });
    const producer = producerWith();
    const sick = ends([producer.publish([message("a", 0, "sick")])]);
    const sound = Array.from({ length: 20 }, async (_, index) => {
      await sleep(index * 10);
      await producer.publish([message("a", 1, `x${index}`), message("b", 0, `y${index}`)]);
    });
    expect(new Set(await ends(sound))).toEqual(new Set(["sent"]));
    expect(await sick).toEqual(["STAGE_BROKER_UNAVAILABLE"]);
    expect(broker.logs.get("a/1")).toEqual(Array.from({ length: 20 }, (_, index) => `x${index}`));
    expect(broker.logs.get("b/0")).toEqual(Array.from({ length: 20 }, (_, index) => `y${index}`));
  });

  it("does not repeat what was acknowledged for the other partitions of the call", async () => {
    broker.troubles.set("a/0", brokerError("NOT_ENOUGH_REPLICAS"));
    const producer = producerWith();
    const call = producer.publish([message("a", 0, "sick"), message("a", 1, "sound")]);
    await sleep(150);
    broker.troubles.clear();
    expect(await ends([call])).toEqual(["sent"]);
    expect(broker.requests.filter((request) => "a/1" in request)).toHaveLength(1);
    expect(broker.requests.filter((request) => "a/0" in request).length).toBeGreaterThan(1);
  });

  it("waits longer after each failure", async () => {
    broker.troubles.set("a/0", brokerError("NOT_ENOUGH_REPLICAS"));
    await ends([producerWith({ sendTimeoutMs: 800 }).publish([message("a", 0, "sick")])]);
    expect(broker.requests.length).toBeLessThan(8);
  });

  it("keeps the order of the partition when it accepts messages again", async () => {
    broker.troubles.set("a/0", brokerError("NOT_ENOUGH_REPLICAS"));
    const producer = producerWith({ sendTimeoutMs: 2_000 });
    const calls = [];
    for (let index = 0; index < 10; index += 1) {
      calls.push(producer.publish([message("a", 0, `m${index}`)]));
      await sleep(20);
    }
    broker.troubles.clear();
    expect(new Set(await ends(calls))).toEqual(new Set(["sent"]));
    expect(broker.logs.get("a/0")).toEqual(Array.from({ length: 10 }, (_, index) => `m${index}`));
  });

  it("explains the reason in the rejection", async () => {
    broker.troubles.set("a/0", brokerError("NOT_ENOUGH_REPLICAS"));
    const call = producerWith().publish([message("a", 0, "sick")]);
    await expect(call).rejects.toThrow(/NOT_ENOUGH_REPLICAS/);
  });

  it("lets its messages fill no more than half of the queue", async () => {
    broker.troubles.set("a/0", brokerError("NOT_ENOUGH_REPLICAS"));
    const producer = producerWith({ queueMessagesMax: 20 });
    const first = producer.publish([message("a", 0, "sick")]);
    await sleep(50);
    const more = Array.from({ length: 15 }, () => producer.publish([message("a", 0, "sick")]));
    const sound = Array.from({ length: 10 }, () => producer.publish([message("b", 0, "sound")]));
    const [soundEnds, sickEnds] = await Promise.all([ends(sound), ends([first, ...more])]);
    expect(new Set(soundEnds)).toEqual(new Set(["sent"]));
    expect(sickEnds.filter((code) => code === "STAGE_PRODUCER_FULL")).toHaveLength(6);
  });
});

describe("a producer of whose nodes one is silent", () => {
  const partitions = [0, 1, 2, 3];

  beforeEach(() => {
    broker.layouts.set("a", { leaders: [2, 2, 2, 2] });
    for (const partition of partitions) broker.troubles.set(`a/${partition}`, "silent");
  });

  it("waits once for that node, and not once for each partition that it leads", async () => {
    const producer = producerWith({ sendTimeoutMs: 2_000 });
    const sick = [ends([producer.publish([message("a", 0, "first")])])];
    await sleep(1_200);
    for (const partition of partitions.slice(1)) {
      sick.push(ends([producer.publish([message("a", partition, "later")])]));
      await sleep(20);
      const sound = producer.publish([message("b", 0, "sound")]).then(() => "sent");
      expect(await Promise.race([sound, sleep(500, "held up")])).toBe("sent");
    }
    expect(new Set((await Promise.all(sick)).flat())).toEqual(
      new Set(["STAGE_BROKER_UNAVAILABLE"]),
    );
  });

  it("sends to all of its partitions again as soon as it answers for one", async () => {
    const producer = producerWith({ sendTimeoutMs: 2_000 });
    const first = producer.publish([message("a", 0, "first")]);
    // The try that began before the node answers again ends after a second.
    await sleep(500);
    broker.troubles.clear();
    const later = partitions.map((partition) => producer.publish([message("a", partition, "x")]));
    expect(new Set(await ends([first, ...later]))).toEqual(new Set(["sent"]));
    expect(broker.logs.get("a/0")).toEqual(["first", "x"]);
    for (const partition of partitions.slice(1))
      expect(broker.logs.get(`a/${partition}`)).toEqual(["x"]);
  });
});

describe("a producer that cannot learn all partitions of a topic", () => {
  it("sends to the others, and sends the messages in order once the topic exists", async () => {
    const producer = producerWith({ sendTimeoutMs: 1_000 });
    const early = ["1", "2", "3"].map((value) => producer.publish([message("late", 0, value)]));
    await producer.publish([message("b", 0, "sound")]);
    await sleep(50);
    broker.layouts.set("late", { leaders: [1] });
    expect(await ends(early)).toEqual(["sent", "sent", "sent"]);
    expect(broker.logs.get("late/0")).toEqual(["1", "2", "3"]);
  });

  it("sends to the partitions that have a leader", async () => {
    broker.layouts.set("a", { leaders: [-1, 1] });
    const producer = producerWith();
    const sick = producer.publish([message("a", 0, "sick")]);
    expect(await ends([producer.publish([message("a", 1, "sound")])])).toEqual(["sent"]);
    expect(await ends([sick])).toEqual(["STAGE_BROKER_UNAVAILABLE"]);
  });

  it("follows a partition to a new leader", async () => {
    const producer = producerWith();
    broker.troubles.set("b/0", brokerError("NOT_LEADER_FOR_PARTITION"));
    const call = producer.publish([message("b", 0, "moved")]);
    await sleep(60);
    broker.layouts.set("b", { leaders: [2] });
    broker.troubles.clear();
    expect(await ends([call])).toEqual(["sent"]);
  });

  it("places messages again when a topic was created again with fewer partitions", async () => {
    const producer = producerWith({ sendTimeoutMs: 1_000 });
    await producer.publish([message("a", 1, "before")]);
    broker.layouts.set("a", { leaders: [1] });
    broker.troubles.set("a/1", brokerError("UNKNOWN_TOPIC_OR_PARTITION"));
    expect(await ends([producer.publish([message("a", 1, "after")])])).toEqual(["sent"]);
    expect(broker.logs.get("a/0")).toEqual(["after"]);
  });
});

describe("a producer whose acknowledgement is lost", () => {
  it("repeats the batch unchanged, so that the broker stores it once", async () => {
    const producer = producerWith({ sendTimeoutMs: 1_000 });
    broker.troubles.set("b/0", "stored-silently");
    const first = producer.publish([message("b", 0, "1")]);
    await sleep(100);
    const second = producer.publish([message("b", 0, "2")]);
    await sleep(450);
    broker.troubles.clear();
    expect(await ends([first, second])).toEqual(["sent", "sent"]);
    expect(broker.logs.get("b/0")).toEqual(["1", "2"]);
    expect(broker.identities).toBe(1);
  });

  it("repeats the batch unchanged if the broker reports an error after storing it", async () => {
    const producer = producerWith({ sendTimeoutMs: 1_000 });
    broker.troubles.set("b/0", { afterStoring: brokerError("NOT_LEADER_FOR_PARTITION") });
    const first = producer.publish([message("b", 0, "1")]);
    await sleep(50);
    const second = producer.publish([message("b", 0, "2")]);
    broker.troubles.clear();
    expect(await ends([first, second])).toEqual(["sent", "sent"]);
    expect(broker.logs.get("b/0")).toEqual(["1", "2"]);
  });

  it("takes new numbers after it gave up a batch that may be stored", async () => {
    const producer = producerWith();
    broker.troubles.set("b/0", "stored-silently");
    expect(await ends([producer.publish([message("b", 0, "1")])])).toEqual([
      "STAGE_BROKER_UNAVAILABLE",
    ]);
    broker.troubles.clear();
    expect(await ends([producer.publish([message("b", 0, "2"), message("b", 0, "3")])])).toEqual([
      "sent",
    ]);
    expect(broker.logs.get("b/0")).toEqual(["1", "2", "3"]);
    expect(broker.identities).toBe(2);
  });

  it("takes new numbers if the broker does not know the old ones", async () => {
    const producer = producerWith({ sendTimeoutMs: 1_000 });
    await producer.publish([message("b", 0, "1")]);
    broker.troubles.set("b/0", brokerError("UNKNOWN_PRODUCER_ID"));
    const call = producer.publish([message("b", 0, "2")]);
    await sleep(30);
    broker.troubles.clear();
    expect(await ends([call])).toEqual(["sent"]);
    expect(broker.logs.get("b/0")).toEqual(["1", "2"]);
  });

  it("connects again after an outage of the broker", async () => {
    const producer = producerWith();
    await producer.publish([message("b", 0, "1")]);
    broker.isUnreachable = true;
    const call = producer.publish([message("b", 0, "2")]);
    await sleep(100);
    broker.isUnreachable = false;
    expect(await ends([call])).toEqual(["sent"]);
    expect(broker.opened).toBeGreaterThan(1);
  });
});

describe("a message that the broker never accepts", () => {
  it("is found among its neighbours in a few requests, and rejected alone", async () => {
    broker.refuses = ({ value }) => value?.toString() === "m61";
    const producer = producerWith({ sendTimeoutMs: 2_000 });
    const calls = Array.from({ length: 100 }, (_, index) =>
      producer.publish([message("a", 0, `m${index}`), message("b", 0, `n${index}`)]),
    );
    const codes = await ends(calls);
    expect(codes.filter((code) => code !== "sent")).toEqual(["STAGE_MESSAGE_REFUSED"]);
    expect(codes[61]).toBe("STAGE_MESSAGE_REFUSED");
    expect(broker.requests.length).toBeLessThan(25);
    const rest = Array.from({ length: 100 }, (_, index) => `m${index}`).filter((m) => m !== "m61");
    expect(broker.logs.get("a/0")).toEqual(rest);
  });

  it("does not repeat the messages of other partitions", async () => {
    broker.refuses = ({ value }) => value?.toString() === "bad";
    const producer = producerWith();
    const codes = await ends([
      producer.publish([message("a", 0, "bad")]),
      producer.publish([message("b", 0, "good")]),
    ]);
    expect(codes).toEqual(["STAGE_MESSAGE_REFUSED", "sent"]);
    expect(broker.requests.filter((request) => "b/0" in request)).toHaveLength(1);
  });
});
