import { InMemoryTopicCodecs, type CostCharged, topics } from "@sluice/contracts";
import { deliveryOf, type RunningStage, silentLogger, type StageSurroundings } from "@sluice/stage";
import { expect, test } from "vitest";
import { Reader, type ReaderParts } from "./reader.ts";

/** Replaces consumers, and lets a test break them. */
class Consumers {
  readonly started: Pick<StageSurroundings, "onFatal">[] = [];
  stopped = 0;

  readonly run = async (
    _stage: unknown,
    surroundings: StageSurroundings,
  ): Promise<RunningStage> => {
    this.started.push(surroundings);
    return { isAssigned: true, stop: async () => void (this.stopped += 1) };
  };

  breakDown(): void {
    this.started.at(-1)?.onFatal?.("STAGE_CONSUMER_SILENT", "nothing moved");
  }
}

// The reader does not read its members.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const charge = {} as CostCharged;

function partsOf(changed: Partial<ReaderParts<CostCharged>> = {}): ReaderParts<CostCharged> {
  return {
    connection: { brokers: ["127.0.0.1:9"], topicPrefix: "", clientId: "test" },
    codecs: new InMemoryTopicCodecs(),
    topic: topics.costCharged,
    group: "client.k1.test",
    start: new Map([[0, 40n]]),
    logger: silentLogger,
    take: async () => true,
    failed: () => undefined,
    pauses: { firstMs: 1, maxMs: 1 },
    closeTimeoutMs: 10,
    ...changed,
  };
}

test("a reader begins at the end of the topic, and after a restart continues after the last record", async () => {
  const reader = new Reader(partsOf(), new Consumers().run);
  expect(await reader.resumeAt(0)).toBe(40n);
  await reader.process([40n, 41n].map((offset) => deliveryOf(charge, { offset })));
  expect(await reader.resumeAt(0)).toBe(42n);
  // A partition that was added later has no offset.
  expect(await reader.resumeAt(1)).toBeNull();
});

test("a reader with a group leaves the position to the broker", async () => {
  const reader = new Reader(partsOf({ start: new Map() }), new Consumers().run);
  await reader.process([deliveryOf(charge, { offset: 7n })]);
  expect(await reader.resumeAt(0)).toBeNull();
});

test("a record that the loop did not take is not skipped", async () => {
  const reader = new Reader(partsOf({ take: async () => false }), new Consumers().run);
  await expect(reader.process([deliveryOf(charge, { offset: 40n })])).rejects.toMatchObject({
    code: "CLIENT_CLOSED",
  });
  expect(await reader.resumeAt(0)).toBe(40n);
});

test("a failed consumer is replaced, and the process continues", async () => {
  const consumers = new Consumers();
  const reader = new Reader(partsOf(), consumers.run);
  await expect.poll(() => consumers.started.length).toBe(1);
  consumers.breakDown();
  await expect.poll(() => consumers.started.length).toBe(2);
  expect(consumers.stopped).toBe(1);
  await reader.close();
  expect(consumers.stopped).toBe(2);
});

test("a reader whose consumers fail six times without a record in between gives up with the reason", async () => {
  const consumers = new Consumers();
  const failures: Error[] = [];
  const reader = new Reader(partsOf({ failed: (error) => failures.push(error) }), consumers.run);
  const breakDown = async (times: number) => {
    for (let again = 0; again < times; again += 1) {
      const { length } = consumers.started;
      consumers.breakDown();
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect.poll(() => consumers.started.length).toBe(length + 1);
    }
  };
  await breakDown(5);
  await reader.process([deliveryOf(charge)]);
  await breakDown(5);
  expect(failures).toEqual([]);
  consumers.breakDown();
  expect(failures.map(({ message }) => message)).toEqual([
    expect.stringContaining("STAGE_CONSUMER_SILENT, nothing moved"),
  ]);
  await expect.poll(() => consumers.stopped).toBe(consumers.started.length);
});

test("closing does not wait for a broker that never responded", async () => {
  const reader = new Reader(partsOf(), () => new Promise(() => undefined));
  await expect(reader.close()).resolves.toBeUndefined();
});
