import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { outgoing } from "../src/index.ts";
import {
  briskSettings,
  Collector,
  eventually,
  KafkaFixture,
  notes,
  source,
} from "./kafka-fixture.ts";
import { Line, requests } from "./line.ts";

let kafka: KafkaFixture;
afterEach(() => kafka.close());

/** Longer than a session, after which the group has expelled the silent member. */
const expelledMs = briskSettings.sessionTimeoutMs + 1_500;

async function reading(): Promise<{ line: Line; collector: Collector }> {
  kafka = await KafkaFixture.create();
  const line = new Line();
  const collector = new Collector();
  await kafka.slices(collector, {}, { connection: line.through(kafka.connection) });
  await kafka.publish(notes(10, 10));
  await eventually(() => collector.seen.length === 10);
  return { line, collector };
}

async function expectToReadOn({
  line,
  collector,
}: Awaited<ReturnType<typeof reading>>): Promise<void> {
  await kafka.publish(notes(10, 10, 10));
  await eventually(
    () => new Set(collector.seen.map(({ record }) => record.id)).size === 20,
    20_000,
  );
  await eventually(async () => (await kafka.lag()) === 0);
  const fetchesBefore = line.countOf(requests.fetch);
  await sleep(1_000);
  expect(line.countOf(requests.fetch) - fetchesBefore).toBeLessThan(50);
  expect(kafka.fatal).toEqual([]);
}

it("reads partitions that are added to its topic, within seconds", async () => {
  kafka = await KafkaFixture.create(1);
  const collector = new Collector();
  await kafka.slices(collector);
  await kafka.publish(notes(10, 10));
  await eventually(() => collector.seen.length === 10);
  await kafka.grow(source, 4);
  // A producer that started before may not know them for some minutes.
  const producer = kafka.newProducer();
  await producer.send(notes(200, 40, 10).map((note) => outgoing(source, note)));
  await eventually(() => collector.seen.length === 210, 20_000);
  expect(new Set(collector.seen.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2, 3]));
  expect(kafka.fatal).toEqual([]);
});

describe("a member that its group has expelled joins again", () => {
  it.each([
    ["at once", undefined],
    ["when its first request to join fails", requests.joinGroup],
    ["when its first request for an assignment fails", requests.syncGroup],
  ])("%s", async (_, failing) => {
    const member = await reading();
    member.line.freeze();
    await sleep(expelledMs);
    if (failing !== undefined) member.line.failNext(failing, 3);
    member.line.thaw();
    await expectToReadOn(member);
    expect(member.line.failuresLeft(failing ?? requests.joinGroup)).toBe(0);
  });
});

describe("a member whose group rebalances joins again", () => {
  it.each([
    ["when its first requests to join fail", requests.joinGroup],
    ["when its first requests for an assignment fail", requests.syncGroup],
  ])("%s", async (_, failing) => {
    const member = await reading();
    member.line.failNext(failing, 3);
    const other = await kafka.slices(new Collector());
    await other.stop();
    await expectToReadOn(member);
    expect(member.line.failuresLeft(failing)).toBe(0);
  });
});
