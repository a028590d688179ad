import { topics } from "@sluice/contracts";
import type { Outgoing } from "@sluice/stage";
import { expect, test } from "vitest";
import { ownTopicsOf } from "./own-topics.ts";

/** A message of a topic about a request of the tenant. The rest of the record does not matter here. */
const messageOf = (name: string, tenant: string): Outgoing => ({
  topic: { ...topics.costCharged, name, keyOf: () => "" },
  key: "k",
  record: { attribution: { tenant } },
});
const outcome = (tenant: string) => messageOf(topics.inferenceResponded.name, tenant);

test("an outcome of a tenant with topics of its own goes to this tenant's topic only", () => {
  const tenants = new Set(["acme", "globex"]);
  expect(ownTopicsOf(outcome("acme"), tenants)).toEqual(["inference.responded.acme"]);
  expect(ownTopicsOf(outcome("initech"), tenants)).toEqual([]);
  expect(ownTopicsOf(outcome("acme"), new Set())).toEqual([]);
});

test("a message of a topic that no tenant has goes nowhere else", () => {
  expect(ownTopicsOf(messageOf(topics.costMetered.name, "acme"), new Set(["acme"]))).toEqual([]);
});
