import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileDeclarations } from "./file-declarations.ts";
import { parseDeclarations } from "./parse.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-declarations-"));
afterAll(() => rmSync(folder, { recursive: true }));

function errorsOf(text: string): readonly string[] {
  const parsed = parseDeclarations(text);
  if (parsed.kind === "valid") return [];
  return parsed.errors.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

/** Each level has ten aliases of the level before it. */
function bomb(levels: number): string {
  const lines = Array.from({ length: levels }, (_, level) => {
    const items = level === 0 ? "x" : `*a${level - 1}`;
    return `a${level}: &a${level} [${Array.from({ length: 10 }, () => items).join(", ")}]`;
  });
  return lines.join("\n");
}

test("aliases that multiply are one error with the number of values, in little time", () => {
  const start = process.cpuUsage();
  expect(errorsOf(bomb(30))).toEqual([expect.stringMatching(/values after its aliases.*200000/)]);
  expect(process.cpuUsage(start).user / 1_000).toBeLessThan(1_000);
});

test("aliases that a file needs are accepted", () => {
  const errors = errorsOf("a: &a { b: 1 }\nc: [*a, *a]\n");
  expect(errors.filter((error) => error.includes("alias"))).toEqual([]);
  expect(errors.filter((error) => /\b[ac]: unknown key/.test(error))).toHaveLength(2);
});

test("an alias of itself, of what contains it, and of nothing is an error with its line", () => {
  expect(errorsOf("tenants: &a\n  - *a")).toEqual([
    expect.stringMatching(/^2 .*\*a has no complete/),
  ]);
  expect(errorsOf("models: []\ntenants: [*nowhere]")).toEqual([
    expect.stringMatching(/^2 .*\*nowhere has no complete anchor/),
  ]);
  expect(errorsOf("a: &a [*b]\nb: &b [*a]")[0]).toMatch(/\*b has no complete anchor/);
});

test("repeated keys are all reported with their lines, and a key that is a list is one error", () => {
  expect(errorsOf("a: 1\na: 2\nb: 1\nb: 2\n")).toEqual([
    expect.stringMatching(/^2 : the key a is repeated/),
    expect.stringMatching(/^4 : the key b is repeated/),
  ]);
  expect(errorsOf("? [a, b]\n: 1\n")).toEqual([expect.stringMatching(/key is not plain text/)]);
});

test.each([
  ["deep lists", "[".repeat(100_000), /./],
  ["deep lists that are closed", "[".repeat(100) + "]".repeat(100), /deeper than 32 levels/],
  ["deep maps", Array.from({ length: 500 }, (_, n) => `${" ".repeat(n)}a:`).join("\n"), /deeper/],
  ["deep sequences", "- ".repeat(100_000), /nested too deeply/],
  ["100,000 keys", Array.from({ length: 100_000 }, (_, n) => `k${n}: 1`).join("\n"), /./],
  ["100,000 errors", "}\n".repeat(100_000), /more errors/],
  ["100,000 aliases", `a: &a [1]\nb: [${"*a,".repeat(100_000)}]`, /values after its aliases/],
  ["2 MiB", `# ${"x".repeat(2 ** 21)}`, /longer than 1048576 bytes/],
])(
  "%s are listed as errors and not thrown, in bounded time",
  (_, text, expected) => {
    const start = process.cpuUsage();
    const errors = errorsOf(text);
    // Of the process, because other programs may take the cores meanwhile.
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(15_000);
    expect(errors.length).toBeLessThanOrEqual(101);
    expect(errors.some((error) => expected.test(error))).toBe(true);
  },
  30_000,
);

test("a file without an end is refused after its first bytes", () => {
  expect(() => FileDeclarations.read("/dev/zero", {})).toThrow(/longer than 1048576 bytes/);
});

test("a secret's file without an end is refused after its first bytes", () => {
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, oneTenant("file:/dev/zero"));
  expect(() => FileDeclarations.read(path, {}).secretOf("file:/dev/zero")).toThrow(/longer than/);
});

function oneTenant(secret: string): string {
  return `
tenants:
  - id: acme
    keys: [{ id: k1, secret: "${secret}", team: t, feature: f, user: u }]
providers: [{ id: p, baseUrl: "https://api.example.com", keys: ["env:P"] }]
models:
  - { id: m, provider: p, tier: economy, contextWindow: 1, prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }
`;
}
