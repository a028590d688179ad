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
  tenantRules,
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

test("services read declarations without a group, the classifier does not read them, and no service writes them", () => {
  const of = (operation: string) =>
    rules.filter((rule) => rule.name.startsWith("eu.control.") && rule.operation === operation);
  expect(of("write")).toEqual([]);
  expect(new Set(of("read").map(({ principal }) => principal))).toEqual(
    new Set(serviceAccounts.filter((each) => each !== "classifier").map(principalOf)),
  );
  expect(of("read").filter(({ name }) => name === "eu.control.keys")).toHaveLength(5);
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

test("each service that ends requests writes the outcomes of tenants with topics, and only the accountant their charges", () => {
  const withTenant = serviceRules("eu.", ["acme"]);
  const who = (name: string, operation: string): readonly string[] =>
    withTenant
      .filter((rule) => rule.name === name && rule.operation === operation)
      .map(({ principal }) => principal);
  expect(who("eu.cost.charged.acme", "write")).toEqual(["User:sluice-cost-accountant"]);
  expect(who("eu.inference.responded.acme", "write")).toEqual(
    who("eu.inference.responded", "write"),
  );
  expect(who("eu.inference.responded.acme", "read")).toEqual([]);
  expect(withTenant).toHaveLength(rules.length + 5);
});

test("the account of a tenant reads only its own topics, in the groups of its keys", () => {
  const ofTenant = tenantRules({ tenant: "acme", keyIds: ["web", "batch"] }, "eu.");
  const shownRules = ofTenant.map(
    ({ principal, operation, resource, name, match }) =>
      `${principal} ${operation} ${resource} ${name} ${match}`,
  );
  expect(shownRules).toEqual(
    [
      "write topic eu.inference.requested literal",
      "read topic eu.inference.responded.acme literal",
      "read topic eu.cost.charged.acme literal",
      "read group eu.sluice.client.web. prefixed",
      "read group eu.sluice.client.batch. prefixed",
    ].map((rule) => `User:sluice-tenant-acme ${rule}`),
  );
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
    const { reads, follows, writes }: Access = serviceAccess[service];
    return [
      codes([principalOf(service).slice("User:".length)]),
      codes(reads.map(({ topic }) => topic.name)),
      codes(reads.map(({ group }) => groupIdOf({ topicPrefix: "" }, group))),
      follows.length === 0 ? "" : "`control.*`",
      codes(writes.map(({ name }) => name)),
    ];
  });
  expect(rows).toEqual(expected);
});
