import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { codeOf } from "../../core/faults.ts";
import { silentLogger } from "../../core/logger.ts";
import { NoMetrics } from "../../core/metrics.ts";
import { KafkaProducer } from "./kafka-producer.ts";
import { brokerError, ScriptedBroker } from "./scripted-link.fixture.ts";
import type { WireMessage } from "./send-batch.ts";

let broker: ScriptedBroker;
let producer: KafkaProducer;

beforeEach(() => {
  broker = new ScriptedBroker();
  const metrics = new NoMetrics().forProducer();
  const options = { sendTimeoutMs: 5_000, pace: { leastMs: 1, mostMs: 1 } };
  producer = new KafkaProducer({ brokers: [] }, silentLogger, metrics, broker.open, options);
});
afterEach(() => producer.close());

const message = (partition: number, value: string): WireMessage => ({
  ...{ topic: "a", key: null, value: Buffer.from(value), headers: {}, bytes: 1 },
  partitionHint: partition,
});
const end = (call: Promise<void>) =>
  call.then(
    () => "sent",
    (error: unknown) => codeOf(error, "STAGE_DEFECT"),
  );
const stored = () => [...broker.logs.values()].flat();

describe("a call to twelve partitions", () => {
  const partitions = Array.from({ length: 12 }, (_, partition) => partition);
  const publishToAll = () =>
    end(producer.publish(partitions.map((each) => message(each, `m${each}`))));

  beforeEach(() => broker.layouts.set("a", { leaders: partitions.map(() => 1) }));

  it("survives a moment in which all of them refuse it", async () => {
    for (const each of partitions)
      broker.troubles.set(`a/${each}`, brokerError("NOT_ENOUGH_REPLICAS"));
    const call = publishToAll();
    await sleep(100);
    broker.troubles.clear();
    expect(await call).toBe("sent");
  });

  it("is stored once if all of them report an error after storing it", async () => {
    const afterStoring = brokerError("NOT_LEADER_FOR_PARTITION");
    for (const each of partitions) broker.troubles.set(`a/${each}`, { afterStoring });
    const call = publishToAll();
    await sleep(50);
    broker.troubles.clear();
    expect(await call).toBe("sent");
    expect(stored()).toHaveLength(12);
  });
});

it("loses no acknowledged message if a broker does not know yet that the topic has grown", async () => {
  broker.layouts.set("a", { leaders: [1, 1] });
  // Stored, and the answer is an error after which the batch is in doubt.
  broker.troubles.set("a/1", { afterStoring: brokerError("NOT_LEADER_FOR_PARTITION") });
  const first = producer.publish([message(1, "1")]);
  await sleep(20);
  broker.layouts.set("a", { leaders: [1] });
  broker.troubles.clear();
  expect(await end(first)).toBe("sent");
  // An error makes the producer ask for the partitions again.
  broker.troubles.set("a/0", brokerError("NOT_ENOUGH_REPLICAS"));
  broker.layouts.set("a", { leaders: [1, 1] });
  const other = producer.publish([message(0, "0")]);
  await sleep(30);
  broker.troubles.clear();
  expect(await end(other)).toBe("sent");
  expect(await end(producer.publish([message(1, "2")]))).toBe("sent");
  expect(stored()).toContain("2");
});
