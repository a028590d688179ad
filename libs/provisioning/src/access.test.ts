import { expect, test } from "vitest";
import { aclCommandOf, clientRules, serviceRules } from "./access.ts";

const rules = serviceRules("eu.");
const shown = (service: string, operation: string): readonly string[] =>
  rules
    .filter((rule) => rule.principal === `User:sluice-${service}` && rule.operation === operation)
    .map(({ resource, name }) => `${resource} ${name}`);

test("the classifier reads misses in its own group and writes what it classified, and dead letters", () => {
  expect(shown("classifier", "read")).toEqual([
    "topic eu.inference.missed",
    "group eu.sluice.classifier",
  ]);
  expect(shown("classifier", "write")).toEqual([
    "topic eu.inference.classified",
    "topic eu.inference.missed.dead-letter",
  ]);
});

test("only the accountant writes charges, and nobody but ingress reads what users sent", () => {
  const who = (name: string, operation: string): readonly string[] =>
    rules
      .filter((rule) => rule.name === name && rule.operation === operation)
      .map(({ principal }) => principal);
  expect(who("eu.cost.charged", "write")).toEqual(["User:sluice-cost-accountant"]);
  expect(who("eu.inference.requested", "read")).toEqual(["User:sluice-ingress"]);
});

test("every name carries the installation's prefix, whole: another installation's is another name", () => {
  expect(rules.length).toBeGreaterThan(30);
  expect(rules.filter(({ name, match }) => !name.startsWith("eu.") || match !== "literal")).toEqual(
    [],
  );
});

test("a client's groups are those of its key: a longer key id does not share them", () => {
  const groups = clientRules("User:shop", "k1", "eu.").filter(
    ({ resource }) => resource === "group",
  );
  expect(groups).toEqual([
    expect.objectContaining({ name: "eu.sluice.client.k1.", match: "prefixed", operation: "read" }),
  ]);
});

test("a rule reads as the arguments of kafka-acls", () => {
  expect(aclCommandOf(rules[0]!)).toBe(
    "--add --allow-principal User:sluice-ingress --operation Read --topic eu.inference.requested --resource-pattern-type literal",
  );
});
