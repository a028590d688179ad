import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkDeclared, parseDeclarations } from "../parse.ts";
import { changesBetween } from "./changes.ts";
import { ControlState, markOf, versionId } from "./control-state.ts";
import { type Entry, entriesOf, givenOf } from "./entries.ts";

const yaml = `
tenants:
  - { id: acme, timeZone: Europe/Berlin, keys: [
      { id: k1, secret: "env:K1", team: search, feature: chat, user: ann } ] }
  - { id: globex }
providers:
  - { id: p, preset: openai, keys: ["env:P"] }
models:
  - { id: m, provider: p, tier: economy, contextWindow: 1, prices: [
      { effectiveFrom: 2026-01-01, input: 0.15, output: "0.6" } ] }
budgets:
  - { id: day, limitUsd: 5, period: day }
limits:
  - { id: busy, requestsPerMinute: 10 }
cache: { ttlSeconds: 60 }
`;

function givenIn(text: string): unknown {
  const parsed = parseDeclarations(text);
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
  return parsed.given;
}

const entries = entriesOf(givenIn(yaml));
const nameOf = ({ kind, id }: Pick<Entry, "kind" | "id">) => `${kind}/${id}`;

test("every part of a file becomes one entry, and a section without ids one policy", () => {
  expect(entries.map(nameOf)).toEqual([
    ...["tenants/acme", "keys/k1", "tenants/globex", "providers/p", "models/m", "prices/m"],
    ...["budgets/day", "policies/limits", "policies/cache"],
  ]);
});

test("the entries of a file declare what the file declares, also after a passage through JSON", () => {
  const passed: readonly Entry[] = JSON.parse(JSON.stringify(entries));
  const checked = checkDeclared(givenOf(passed));
  const parsed = parseDeclarations(yaml);
  if (checked.kind === "invalid" || parsed.kind === "invalid") throw new Error("invalid");
  expect(checked.declared).toEqual(parsed.declared);
});

test("the declarations of the local stack survive the passage too", () => {
  const text = readFileSync(
    join(import.meta.dirname, "../../../../infra/local/sluice.yaml"),
    "utf8",
  );
  const checked = checkDeclared(givenOf(entriesOf(givenIn(text))));
  expect(checked.kind).toBe("valid");
  expect(changesBetween(entriesOf(givenIn(text)), entriesOf(givenIn(text)))).toEqual([]);
});

test("a model whose prices are missing is invalid, so that no model becomes free by omission", () => {
  const checked = checkDeclared(givenOf(entries.filter(({ kind }) => kind !== "prices")));
  expect(checked.kind).toBe("invalid");
});

test("changes name what was added and removed, and each field that differs", () => {
  const after = entriesOf(
    givenIn(
      yaml
        .replace("user: ann }", "user: bob, revoked: true }")
        .replace("  - { id: globex }\n", "  - { id: initech }\n"),
    ),
  );
  const changes = changesBetween(entries, after);
  expect(changes.map(({ kind, entry }) => `${kind} ${nameOf(entry)}`)).toEqual([
    ...["changed keys/k1", "added tenants/initech", "removed tenants/globex"],
  ]);
  expect(changes[0]).toMatchObject({
    fields: [
      { path: "user", before: "ann", after: "bob" },
      { path: "revoked", before: undefined, after: true },
    ],
  });
});

test("the order of members changes nothing, and the order of a list does", () => {
  const [cache] = entries.filter(({ id }) => id === "cache");
  const as = (declared: unknown): readonly Entry[] => [{ ...cache!, declared }];
  expect(changesBetween(as({ a: 1, b: 2 }), as({ b: 2, a: 1 }))).toEqual([]);
  expect(changesBetween(as({ a: [1, 2] }), as({ a: [2, 1] }))).toHaveLength(1);
});

function recordOf(id: string, version: bigint, declared: unknown) {
  return { id, version, appliedAt: 0, declared: JSON.stringify(declared), origin: "file" } as const;
}

test("a version is complete only when its entries and the record that completes it have arrived, in any order", () => {
  const state = new ControlState();
  const mark = markOf([{ kind: "tenants", version: 1n }], 1n);
  state.take("policies", versionId, recordOf(versionId, 1n, mark));
  expect(state.isComplete).toBe(false);
  state.take("tenants", "acme", recordOf("acme", 1n, { id: "acme" }));
  expect([state.isComplete, state.version]).toEqual([true, 1n]);

  state.take("tenants", "acme", recordOf("acme", 2n, { id: "acme", weight: 2 }));
  expect(state.isComplete).toBe(false);
  state.take("policies", versionId, recordOf(versionId, 2n, markOf(state.entries, 2n)));
  expect([state.isComplete, state.version]).toEqual([true, 2n]);
});

test("a removal that has not arrived leaves a version incomplete", () => {
  const state = new ControlState();
  for (const id of ["acme", "globex"]) state.take("tenants", id, recordOf(id, 1n, { id }));
  const mark = markOf([{ kind: "tenants", version: 1n }], 2n);
  state.take("policies", versionId, recordOf(versionId, 2n, mark));
  expect(state.isComplete).toBe(false);
  state.take("tenants", "globex", null);
  expect(state.isComplete).toBe(true);
});

test("before the first apply nothing is complete", () => {
  expect(new ControlState().isComplete).toBe(false);
});
