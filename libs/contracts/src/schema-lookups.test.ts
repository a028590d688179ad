import { Clock, TransientFault } from "@sluice/domain";
import { expect, test } from "vitest";
import { typeOf } from "./record-codec.ts";
import { lookupsPerSecondMax, SchemaLookups } from "./schema-lookups.ts";
import { type Topic, topics } from "./topics.ts";

const { inferenceRequested: requested, inferenceAdmitted } = topics;

class SetClock extends Clock {
  ms = 5_000;

  override now(): number {
    return this.ms;
  }
}

/** A registry in which one subject has schema 7, and that records the ids of its lookups. */
function lookupsIn(registry: { isDown?: boolean } = {}) {
  const lookedUp: number[] = [];
  const clock = new SetClock();
  const schemaOf = async ({ name }: Topic<unknown>, id: number) => {
    lookedUp.push(id);
    if (registry.isDown)
      throw new TransientFault("CONTRACT_REGISTRY_UNAVAILABLE", "The registry is down.");
    return id === 7 && name === requested.name ? typeOf("InferenceRequested") : undefined;
  };
  return { lookedUp, clock, lookups: new SchemaLookups({ schemaOf }, clock) };
}

const unavailable = expect.objectContaining({ code: "CONTRACT_REGISTRY_UNAVAILABLE" });

test("an id that the registry does not have is looked up once in 30 s", async () => {
  const { lookedUp, clock, lookups } = lookupsIn();
  expect(await lookups.schemaOf(requested, 9)).toBeUndefined();
  clock.ms += 29_999;
  expect(await lookups.schemaOf(requested, 9)).toBeUndefined();
  expect(lookedUp).toEqual([9]);
  clock.ms += 1;
  await lookups.schemaOf(requested, 9);
  expect(lookedUp).toEqual([9, 9]);
});

test("of many unknown ids, a bounded number is looked up in each second", async () => {
  const { lookedUp, clock, lookups } = lookupsIn();
  const flood = async (from: number) => {
    for (let id = from; id < from + 1_000; id += 1)
      await lookups.schemaOf(requested, id).catch(() => {});
  };
  await flood(1_000);
  expect(lookedUp).toHaveLength(lookupsPerSecondMax);
  await expect(lookups.schemaOf(requested, 7)).rejects.toEqual(unavailable);
  clock.ms += 1_000;
  expect(await lookups.schemaOf(requested, 7)).toBeDefined();
  await flood(3_000);
  expect(lookedUp).toHaveLength(2 * lookupsPerSecondMax);
});

test("an unavailable registry is not queried again within a second", async () => {
  const registry = { isDown: true };
  const { lookedUp, clock, lookups } = lookupsIn(registry);
  await expect(lookups.schemaOf(requested, 7)).rejects.toEqual(unavailable);
  await expect(lookups.schemaOf(requested, 8)).rejects.toEqual(unavailable);
  expect(lookedUp).toEqual([7]);
  registry.isDown = false;
  clock.ms += 1_000;
  expect(await lookups.schemaOf(requested, 7)).toBeDefined();
});

test("messages with the same new id that arrive at once share one lookup", async () => {
  const { lookedUp, lookups } = lookupsIn();
  const types = await Promise.all(
    Array.from({ length: 3 * lookupsPerSecondMax }, () => lookups.schemaOf(requested, 7)),
  );
  expect(types.every((type) => type !== undefined)).toBe(true);
  expect(lookedUp).toEqual([7]);
});

test("a schema of one topic is none of another topic, and each is looked up", async () => {
  const { lookedUp, lookups } = lookupsIn();
  expect(await lookups.schemaOf(inferenceAdmitted, 7)).toBeUndefined();
  expect(await lookups.schemaOf(requested, 7)).toBeDefined();
  expect(lookedUp).toEqual([7, 7]);
});
