import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileDeclarations } from "./file-declarations.ts";
import { parseDeclarations } from "./parse.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-declarations-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Parts {
  readonly providers?: string;
  readonly keys?: string;
  readonly ids?: readonly string[];
}

function yamlOf({ providers, keys = "[]", ids = ["m"] }: Parts): string {
  const models = ids.map(
    (id) =>
      `  - { id: ${id}, provider: p, tier: economy, contextWindow: 1, prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }`,
  );
  return `
tenants:
  - id: acme
    keys: ${keys}
providers:
${providers ?? '  - { id: p, baseUrl: "https://api.example.com", keys: ["env:P"] }'}
models:
${models.join("\n")}
`;
}

function errorsOf(parts: Parts): readonly string[] {
  const parsed = parseDeclarations(yamlOf(parts));
  if (parsed.kind === "valid") return [];
  return parsed.errors.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

function fileWith(parts: Parts, environment: NodeJS.ProcessEnv): FileDeclarations {
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, yamlOf(parts));
  return FileDeclarations.read(path, environment);
}

test("every provider's address that is not usable is reported with its line and a remedy, and is not shown", () => {
  const addresses = [
    "http://models.example.com/v1",
    "https://canary:canary@api.example.com",
    "https://api.example.com?key=canary",
    "https://api.example.com#canary",
    "ftp://canary",
    "http://127.0.0.1:1/v1",
  ];
  const errors = errorsOf({
    providers: addresses
      .map(
        (address, n) =>
          `  - { id: ${n === 0 ? "p" : `p${n}`}, baseUrl: "${address}", keys: ["env:P"] }`,
      )
      .join("\n"),
  });
  expect(errors).toEqual([
    expect.stringMatching(/^6 providers\[0\]\.baseUrl: .*plain http.*allowPlainHttp: true/),
    expect.stringMatching(/^7 providers\[1\]\.baseUrl: .*user or a password/),
    expect.stringMatching(/^8 providers\[2\]\.baseUrl: .*query/),
    expect.stringMatching(/^9 providers\[3\]\.baseUrl: .*fragment/),
    expect.stringMatching(/^10 providers\[4\]\.baseUrl: .*not an http/),
  ]);
  expect(errors.join()).not.toContain("canary");
});

test("a provider without a host name of this machine may use plain HTTP if the file declares it", () => {
  const line = (more: string) =>
    `  - { id: p, baseUrl: "http://provider-simulator:19097/v1", keys: ["env:P"]${more} }`;
  expect(errorsOf({ providers: line("") })).toHaveLength(1);
  expect(errorsOf({ providers: line(", allowPlainHttp: true") })).toEqual([]);
});

test("the same rules apply to an address in the environment, for all providers at once", () => {
  const providers = [
    '  - { id: p, baseUrl: "env:ONE", keys: ["env:P"] }',
    '  - { id: q, baseUrl: "env:TWO", keys: ["env:P"] }',
    '  - { id: r, baseUrl: "env:ONE", keys: ["env:P"], allowPlainHttp: true }',
    '  - { id: s, baseUrl: "env:ABSENT", keys: ["env:P"] }',
  ].join("\n");
  const environment = { ONE: "http://simulator:1/v1", TWO: "https://u:canary@host" };
  const declarations = fileWith({ providers }, environment);
  expect(() => declarations.providers()).toThrow(
    /^The provider "p" has "env:ONE": .*plain http.*\nThe provider "q" has "env:TWO": .*password.*\n.*ABSENT/,
  );
  expect(() => declarations.providers()).not.toThrow(/canary/);
});

test("a model whose id a request uses for something else is reported", () => {
  expect(errorsOf({ ids: ["auto", "economy", "m", "standard", "premium"] })).toEqual(
    [0, 1, 3, 4].map((index) =>
      expect.stringMatching(new RegExp(`models\\[${index}\\]\\.id: .*rename`)),
    ),
  );
});

test("every short secret is reported with its key and its reference, and is not shown", () => {
  writeFileSync(join(folder, "short"), "canary-file\n");
  const keys = `
      - { id: k1, secret: "env:SHORT", team: t, feature: f, user: u }
      - { id: k2, secret: "file:short", team: t, feature: f, user: u }
      - { id: k3, secret: "env:LONG", team: t, feature: f, user: u }
      - { id: k4, secret: "env:ABSENT", team: t, feature: f, user: u }
      - { id: k5, secret: "env:SHORT", team: t, feature: f, user: u, revoked: true }`;
  const environment = { SHORT: "canary-15-chars", LONG: "a-secret-of-16-c" };
  const declarations = fileWith({ keys }, environment);
  expect(() => declarations.keySecrets()).toThrow(
    /^.*"k1" behind "env:SHORT" has 15 .*16.*\n.*"k2" behind "file:short" has 11.*\n[^\n]*ABSENT[^\n]*$/,
  );
  expect(() => declarations.keySecrets()).not.toThrow(/canary/);
});

test("a secret of 16 characters and the short one of a revoked key are accepted", () => {
  const keys = `
      - { id: k3, secret: "env:LONG", team: t, feature: f, user: u }
      - { id: k5, secret: "env:SHORT", team: t, feature: f, user: u, revoked: true }`;
  const secrets = fileWith({ keys }, { SHORT: "short", LONG: "a-secret-of-16-c" }).keySecrets();
  expect([...secrets.keys()]).toEqual(["k3", "k5"]);
});
