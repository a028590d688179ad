import { expect, test } from "vitest";
import { declaredWith } from "../declared.fixture.ts";
import { parseDeclarations } from "../parse.ts";

/** Returns each error of a file with these tenants, with its path. */
function errorsWith(tenants: string): readonly string[] {
  const parsed = parseDeclarations(`
tenants: ${tenants}
providers: [{ id: p, preset: openai, keys: ["env:P"] }]
models:
  - { id: m, provider: p, tier: economy, contextWindow: 1,
      prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }
`);
  return parsed.kind === "valid"
    ? []
    : parsed.errors.map(({ path, message }) => `${path}: ${message}`);
}

const key = (id: string) => `{ id: ${id}, secret: "env:K", team: t, feature: f, user: u }`;

test("a tenant has its own topics only if the file says so", () => {
  expect(declaredWith({}).tenantsWithTopics()).toEqual(new Set());
  expect(declaredWith({ tenant: "ownTopics: true" }).tenantsWithTopics()).toEqual(
    new Set(["acme"]),
  );
});

test("two tenants whose topics Kafka cannot keep apart are an error, unless only one has topics", () => {
  const tenants = (second: boolean) =>
    `[{ id: a.b, ownTopics: true }, { id: c, ownTopics: true }, { id: a_b, ownTopics: ${second} }]`;
  expect(errorsWith(tenants(true))).toEqual([
    expect.stringMatching(/^tenants\[2\]\.id: .*"a_b" and "a\.b".* rename one/),
  ]);
  expect(errorsWith(tenants(false))).toEqual([]);
});

test("a key whose groups the account of another tenant could use is an error", () => {
  const tenants = (ownTopics: boolean) =>
    `[{ id: a, ownTopics: ${ownTopics}, keys: [${key("web")}, ${key("web.eu")}] }, { id: b, keys: [${key("web.us.1")}] }]`;
  expect(errorsWith(tenants(true))).toEqual([
    expect.stringMatching(/^tenants\[1\]\.keys\[0\]\.id: the key "web" of another tenant/),
  ]);
  expect(errorsWith(tenants(false))).toEqual([]);
});
