import { Clock, TransientFault } from "@sluice/domain";
import { expect, test } from "vitest";
import { typeOf } from "./record-codec.ts";
import { lookupsPerSecondMax, SchemaLookups } from "./schema-lookups.ts";

class SetClock extends Clock {
  ms = 5_000;

  override now(): number {
    return this.ms;
  }
}

/** Has the schema 7 alone, and counts how often it is asked. */
function lookupsIn(registry: { isAway?: boolean } = {}) {
  const asked: number[] = [];
  const clock = new SetClock();
  const schemaOf = async (id: number) => {
    asked.push(id);
    if (registry.isAway) throw new TransientFault("CONTRACT_REGISTRY_UNAVAILABLE", "away");
    return id === 7 ? typeOf("InferenceRequested") : undefined;
  };
  return { asked, clock, lookups: new SchemaLookups({ schemaOf }, clock) };
}

const unavailable = expect.objectContaining({ code: "CONTRACT_REGISTRY_UNAVAILABLE" });

test("an id that the registry does not have is asked for once in 30 s", async () => {
  const { asked, clock, lookups } = lookupsIn();
  expect(await lookups.schemaOf(9)).toBeUndefined();
  clock.ms += 29_999;
  expect(await lookups.schemaOf(9)).toBeUndefined();
  expect(asked).toEqual([9]);
  clock.ms += 1;
  await lookups.schemaOf(9);
  expect(asked).toEqual([9, 9]);
});

test("of a flood of ids a bounded number is asked for in a second, and in the next as many", async () => {
  const { asked, clock, lookups } = lookupsIn();
  const flood = async (from: number) => {
    for (let id = from; id < from + 1_000; id += 1) await lookups.schemaOf(id).catch(() => {});
  };
  await flood(1_000);
  expect(asked).toHaveLength(lookupsPerSecondMax);
  await expect(lookups.schemaOf(7)).rejects.toEqual(unavailable);
  clock.ms += 1_000;
  expect(await lookups.schemaOf(7)).toBeDefined();
  await flood(3_000);
  expect(asked).toHaveLength(2 * lookupsPerSecondMax);
});

test("a registry that is away is not asked again within a second", async () => {
  const registry = { isAway: true };
  const { asked, clock, lookups } = lookupsIn(registry);
  await expect(lookups.schemaOf(7)).rejects.toEqual(unavailable);
  await expect(lookups.schemaOf(8)).rejects.toEqual(unavailable);
  expect(asked).toEqual([7]);
  registry.isAway = false;
  clock.ms += 1_000;
  expect(await lookups.schemaOf(7)).toBeDefined();
});
