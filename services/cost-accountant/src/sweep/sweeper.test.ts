import { type CostMetered, topics } from "@sluice/contracts";
import { Clock, TransientFault } from "@sluice/domain";
import { InMemoryEventProducer, TopicOffsets } from "@sluice/stage";
import { Registry } from "prom-client";
import { beforeEach, expect, test } from "vitest";
import { attributionSecret, calledAt, intentOf, meteredOf } from "../../test/fixtures.ts";
import { foldInto } from "../../test/fold-into.ts";
import { InMemoryLedger } from "../ledger/in-memory-ledger.ts";
import { AccountantMetrics } from "../metrics.ts";
import { OwnedPartitions } from "../charge/owned-partitions.ts";
import { Sweeper } from "./sweeper.ts";

class FixedOffsets extends TopicOffsets {
  end = 5n;
  done = 5n;

  override async endOffsets(): Promise<ReadonlyMap<number, bigint>> {
    return new Map([[0, this.end]]);
  }

  override async committed(): Promise<ReadonlyMap<number, bigint>> {
    return new Map([[0, this.done]]);
  }
}

class FixedClock extends Clock {
  time = intentOf().deadlineAt + 60_001;

  override now(): number {
    return this.time;
  }
}

const silent = { warn: () => undefined, error: () => undefined };
let ledger: InMemoryLedger;
let offsets: FixedOffsets;
let producer: InMemoryEventProducer;
let owned: OwnedPartitions;
let clock: FixedClock;

beforeEach(async () => {
  ledger = new InMemoryLedger();
  offsets = new FixedOffsets();
  producer = new InMemoryEventProducer();
  owned = new OwnedPartitions();
  owned.assign([0]);
  clock = new FixedClock();
  await ledger.noteIntents([{ partition: 0, intent: intentOf() }]);
});

const sweeper = () =>
  new Sweeper({
    ledger,
    offsets,
    producer,
    clock,
    owned,
    metrics: new AccountantMetrics(new Registry()),
    trust: { secret: attributionSecret, previousSecrets: [], unsignedUntil: null },
    logger: silent,
    chargingGroup: "cost-accountant",
    graceMs: 60_000,
    intervalMs: 1_000,
  });
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the sweep publishes nothing else
const metered = () => producer.records.map(({ record }) => record as CostMetered);
const estimates = () => producer.records.map(({ topic, record }) => [topic.name, record]);

test("an overdue attempt is estimated on cost.metered", async () => {
  await sweeper().sweep();
  expect(estimates()).toEqual([
    [topics.costMetered.name, expect.objectContaining({ kind: "estimated", reason: "swept" })],
  ]);
});

test("an attempt within the grace period is not estimated", async () => {
  clock.time -= 1;
  await sweeper().sweep();
  expect(estimates()).toEqual([]);
});

test("usage below the mark is folded before the sweep, which then estimates nothing", async () => {
  offsets.done = 4n;
  const sweeping = sweeper();
  await sweeping.sweep();
  // This usage was on the topic before the mark, and is folded now.
  await foldInto(ledger, [meteredOf()]);
  offsets.done = 5n;
  await sweeping.sweep();
  expect(estimates()).toEqual([]);
});

test("the mark does not move before the partition is folded up to it", async () => {
  offsets.done = 4n;
  const sweeping = sweeper();
  await sweeping.sweep();
  offsets.end = 1_000n;
  offsets.done = 5n;
  await sweeping.sweep();
  expect(estimates()).toHaveLength(1);
});

test("two sweepers of one attempt cause one charge", async () => {
  await sweeper().sweep();
  await sweeper().sweep();
  const published = metered();
  expect(published).toHaveLength(2);
  await foldInto(ledger, published);
  expect(ledger.entries.size).toBe(1);
  producer.sent.length = 0;
  await sweeper().sweep();
  expect(estimates()).toEqual([]);
});

test("a revoked partition is not swept", async () => {
  offsets.done = 4n;
  const sweeping = sweeper();
  await sweeping.sweep();
  owned.revoke([0]);
  offsets.done = 5n;
  await sweeping.sweep();
  expect(estimates()).toEqual([]);
});

test("a sweep that an outage ended is continued by the next sweep", async () => {
  const sweeping = sweeper();
  producer.fault = new TransientFault("STAGE_BROKER_UNAVAILABLE", "Kafka is unavailable.");
  await expect(sweeping.sweep()).rejects.toThrow("Kafka is unavailable.");
  producer.fault = undefined;
  await sweeping.sweep();
  expect(estimates()).toHaveLength(1);
});

test("usage after the estimate corrects it by one signed difference", async () => {
  await sweeper().sweep();
  const [estimate] = metered();
  await foldInto(ledger, [estimate!, meteredOf(), meteredOf()]);
  const amounts = [...ledger.entries.values()].map(({ charge }) => charge.amountNanoUsd);
  expect(amounts).toEqual([1_650_000n, 140_000n - 1_650_000n]);
  expect(meteredOf().calledAt).toBe(calledAt);
});

test("the estimate of an intent that an older version stored is signed, so that it is charged", async () => {
  const stored = intentOf();
  const attribution = { ...stored.attribution, signature: "" };
  await ledger.noteIntents([{ partition: 0, intent: { ...stored, attribution } }]);
  await sweeper().sweep();
  expect(metered().map((estimate) => estimate.attribution)).toEqual([stored.attribution]);
});
