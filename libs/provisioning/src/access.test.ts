import { readFileSync } from "node:fs";
import { join } from "node:path";
import { groupIdOf } from "@sluice/stage";
import { expect, test } from "vitest";
import {
  type Access,
  aclCommandOf,
  clientRules,
  principalOf,
  serviceAccess,
  serviceAccounts,
  serviceRules,
} from "./access.ts";

const rules = serviceRules("eu.");
const shown = (service: string, operation: string): readonly string[] =>
  rules
    .filter((rule) => rule.principal === `User:sluice-${service}` && rule.operation === operation)
    .map(({ resource, name }) => `${resource} ${name}`);

test("the classifier reads misses in its own group and writes classified requests and dead letters", () => {
  expect(shown("classifier", "read")).toEqual([
    "topic eu.inference.missed",
    "group eu.sluice.classifier",
  ]);
  expect(shown("classifier", "write")).toEqual([
    "topic eu.inference.classified",
    "topic eu.inference.missed.dead-letter",
  ]);
});

test("only the accountant writes charges, and only ingress reads what users sent", () => {
  const who = (name: string, operation: string): readonly string[] =>
    rules
      .filter((rule) => rule.name === name && rule.operation === operation)
      .map(({ principal }) => principal);
  expect(who("eu.cost.charged", "write")).toEqual(["User:sluice-cost-accountant"]);
  expect(who("eu.inference.requested", "read")).toEqual(["User:sluice-ingress"]);
});

test("every name is literal and begins with the installation's prefix", () => {
  expect(rules.length).toBeGreaterThan(30);
  expect(rules.filter(({ name, match }) => !name.startsWith("eu.") || match !== "literal")).toEqual(
    [],
  );
});

test("a client's groups are those of its key, which a key with a longer id does not share", () => {
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

test("the guide shows the same table", () => {
  const guide = readFileSync(
    join(import.meta.dirname, "../../../docs/guides/connect-your-kafka.md"),
    "utf8",
  );
  const [, table = ""] = /<!-- checked against [^]*?\n\n([^]*?)\n\n<!-- end/.exec(guide) ?? [];
  const [, , ...rows] = table.split("\n").map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
  const expected = serviceAccounts.map((service) => {
    const { reads, writes }: Access = serviceAccess[service];
    return [
      codes([principalOf(service).slice("User:".length)]),
      codes(reads.map(({ topic }) => topic.name)),
      codes(reads.map(({ group }) => groupIdOf({ topicPrefix: "" }, group))),
      codes(writes.map(({ name }) => name)),
    ];
  });
  expect(rows).toEqual(expected);
});
