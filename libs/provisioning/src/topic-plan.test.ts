import { expect, test } from "vitest";
import { differencesOf, plansOf } from "./topic-plan.ts";

const plans = plansOf({ partitions: 4, replication: 1 });
const found = plans.map((plan) => ({ ...plan, config: new Map(Object.entries(plan.config)) }));

test("attempts and their metering have the same number of partitions, which the sweep compares one by one", () => {
  const partitionsOf = (name: string) => plans.find((plan) => plan.name === name)?.partitions;
  expect(partitionsOf("inference.attempted")).toBe(partitionsOf("cost.metered"));
});

test("dead letters are kept as long as their source and have room for its largest message with headers", () => {
  const named = (name: string) => plans.find((plan) => plan.name === name)!;
  const source = named("inference.requested");
  const letters = named("inference.requested.dead-letter");
  expect(letters.config["retention.ms"]).toBe(source.config["retention.ms"]);
  expect(Number(letters.config["max.message.bytes"])).toBeGreaterThan(
    Number(source.config["max.message.bytes"]),
  );
});

test("topics that match the plan are not mentioned", () => {
  expect(differencesOf(plans, found)).toEqual([]);
});

test("a setting that differs is named with both values", () => {
  const [first, ...rest] = found;
  const changed = { ...first!, partitions: 6, config: new Map([["retention.ms", "1"]]) };
  const differences = differencesOf(plans, [changed, ...rest]);
  expect(differences).toContain(`${first!.name}: partitions is 6, not 4`);
  expect(differences).toContain(
    `${first!.name}: retention.ms is 1, not ${plans[0]!.config["retention.ms"]}`,
  );
});

test("the topics of a tenant have the settings of the shared ones, and no dead letters", () => {
  const names = plans.map(({ name }) => name);
  const own = plansOf({ partitions: 4, replication: 1 }, ["acme"]).filter(
    ({ name }) => !names.includes(name),
  );
  expect(own.map(({ name }) => name)).toEqual(["inference.responded.acme", "cost.charged.acme"]);
  for (const plan of own) {
    const shared = plans.find(({ name }) => `${name}.acme` === plan.name);
    expect(plan).toEqual({ ...shared, name: plan.name });
  }
});
