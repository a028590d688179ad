import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plainDialect } from "./dialect.ts";
import { FileDeclarations } from "./file-declarations.ts";
import { parseDeclarations } from "./parse.ts";

const local = join(import.meta.dirname, "../../../infra/local/sluice.yaml");
const text = readFileSync(local, "utf8");

function errorsOf(changed: string): readonly string[] {
  const parsed = parseDeclarations(changed);
  if (parsed.kind === "valid") return [];
  return parsed.errors.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

test("the local stack's declarations are valid", () => {
  expect(errorsOf(text)).toEqual([]);
});

test("all errors are reported together, each with its line", () => {
  const wrong = text
    .replace("tier: standard", "tier: middle")
    .replace("input: 15.00", "input: -15")
    .replace("team: platform", "tema: platform")
    .replace("secret: file:secrets/demo-key", "secret: sk-123");
  const errors = errorsOf(wrong);
  const lineWith = (part: string) => wrong.split("\n").findIndex((l) => l.includes(part)) + 1;
  expect(errors).toEqual(
    expect.arrayContaining([
      expect.stringContaining(`${lineWith("tier: middle")} models[2].tier`),
      expect.stringContaining(`${lineWith("input: -15")} models[3].prices[0].input`),
      expect.stringContaining(`${lineWith("sk-123")} tenants[0].keys[0].secret`),
      expect.stringMatching(/tenants\[0\]\.keys\[0\].*tema/),
      expect.stringMatching(/tenants\[0\]\.keys\[0\]\.team/),
    ]),
  );
});

test("a repeated id and an unknown provider are reported", () => {
  const wrong = text
    .replace("- id: sim-economy\n", "- id: sim-economy-q4\n")
    .replace("provider: simulator\n    tier: premium", "provider: elsewhere\n    tier: premium");
  expect(errorsOf(wrong)).toEqual([
    expect.stringContaining('another model has the id "sim-economy-q4"'),
    expect.stringContaining('no provider has the id "elsewhere"'),
  ]);
});

test("ten errors are reported together, each on its line and with what would be right", () => {
  const changes: readonly (readonly [string, string, string])[] = [
    ["team: platform", "tema: platform", "tema: unknown key: remove it"],
    ["feature: first.start", "feature: [first]", "expected string"],
    ["secret: file:secrets/demo-key", "secret: sk-123", "never the secret itself"],
    ["simulated: true", "simulated: yes please", "expected boolean"],
    ["tier: standard", "tier: middle", '"economy"|"standard"|"premium"'],
    ["input: 15.00", "input: -15", "dollars per million tokens"],
    ["- id: sim-economy\n", "- id: sim-economy-q4\n", 'another model has the id "sim-economy-q4"'],
    [
      "provider: simulator\n    tier: premium",
      "provider: elsewhere\n    tier: premium",
      'no provider has the id "elsewhere"',
    ],
    ["{ economy: 1024", "{ economy: 0", ">=1"],
    ["ttlSeconds: 86400", "ttlSeconds: -1", ">=1"],
  ];
  const wrong = changes.reduce((changed, [right, put]) => {
    expect(changed).toContain(right);
    return changed.replace(right, put);
  }, text);
  const errors = errorsOf(wrong);
  for (const [, put, says] of changes) {
    const line = wrong.slice(0, wrong.lastIndexOf(put)).split("\n").length;
    expect(
      errors.filter((error) => error.startsWith(`${line} `) && error.includes(says)),
    ).toHaveLength(1);
  }
  // The misspelt team is reported as missing too.
  expect(errors).toHaveLength(changes.length + 1);
});

test("the message about a file that is not valid has a line for each error", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-declarations-"));
  const path = join(folder, "sluice.yaml");
  writeFileSync(path, text.replace("tier: standard", "tier: middle").replace("team:", "tema:"));
  expect(() => FileDeclarations.read(path, {})).toThrow(
    /sluice\.yaml cannot be used:\n  line \d+: tenants.*\n  line \d+: tenants.*tema.*\n  line \d+: models\[2\]\.tier/,
  );
  rmSync(folder, { recursive: true });
});

test("broken YAML is reported as an error with its line, not as an exception", () => {
  expect(errorsOf("tenants: [\n  - {")[0]).toMatch(/^\d/);
});

test("a model with dimensions makes embeddings, and one without chats", () => {
  const declarations = FileDeclarations.read(local, {});
  expect(declarations.variantOf("sim-embedding-small")?.dimensions).toBe(1_536);
  expect(declarations.variantOf("sim-premium")?.dimensions).toBeNull();
  expect(errorsOf(text.replace("dimensions: 1536", "dimensions: 0.5"))).toEqual([
    expect.stringContaining("models[4].dimensions"),
  ]);
});

test("a model has its own time to first byte, or that of its provider, or none", () => {
  const of = (changed: string, model: string) => {
    const parsed = parseDeclarations(changed);
    if (parsed.kind !== "valid") throw new Error(JSON.stringify(parsed.errors));
    const declarations = new FileDeclarations(parsed.declared, ".", {});
    return declarations.variantOf(model)?.timeToFirstByteMs;
  };
  expect(of(text, "sim-premium")).toBeNull();
  const ofProvider = text.replace(
    "simulated: true",
    "simulated: true\n    timeToFirstByteSeconds: 300",
  );
  expect(of(ofProvider, "sim-premium")).toBe(300_000);
  const ofModel = ofProvider.replace(
    "tier: premium",
    "tier: premium\n    timeToFirstByteSeconds: 900",
  );
  expect(of(ofModel, "sim-premium")).toBe(900_000);
  expect(of(ofModel, "sim-economy")).toBe(300_000);
  expect(errorsOf(ofProvider.replace("300", "0"))).toEqual([
    expect.stringContaining("timeToFirstByteSeconds"),
  ]);
});

test("a model has the dialect of its provider, and perhaps members of its own", () => {
  const dialectOf = (changed: string, model: string) => {
    const parsed = parseDeclarations(changed);
    if (parsed.kind !== "valid") throw new Error(JSON.stringify(parsed.errors));
    return new FileDeclarations(parsed.declared, ".", {}).variantOf(model)?.dialect;
  };
  expect(dialectOf(text, "sim-premium")).toEqual(plainDialect);
  const more = [
    "outputLimitParameter: max_tokens",
    "streamOptions: false",
    "embeddingEncoding: float",
    "reasoningInHistory: false",
  ];
  const ofProvider = text.replace("simulated: true", ["simulated: true", ...more].join("\n    "));
  const others = { streamOptions: false, embeddingEncoding: "float", reasoningInHistory: false };
  expect(dialectOf(ofProvider, "sim-premium")).toEqual({
    ...{ ...plainDialect, outputLimitParameter: "max_tokens", ...others },
  });
  const ofModel = ofProvider.replace(
    "tier: premium",
    "tier: premium\n    outputLimitParameter: max_completion_tokens",
  );
  expect(dialectOf(ofModel, "sim-premium")).toEqual({
    ...{ ...plainDialect, outputLimitParameter: "max_completion_tokens", ...others },
  });
  const thinking = ofProvider.replace(
    "tier: premium",
    "tier: premium\n    reasoningInHistory: true",
  );
  expect(dialectOf(thinking, "sim-premium")).toMatchObject({ reasoningInHistory: true });
  expect(dialectOf(thinking, "sim-economy")).toMatchObject({ reasoningInHistory: false });
  expect(errorsOf(ofProvider.replace("max_tokens", "limit"))).toEqual([
    expect.stringContaining("outputLimitParameter"),
  ]);
});

test("each class of tokens has the rate that is declared for it, or none", () => {
  const declared = "{ effectiveFrom: 2026-01-01, input: 15.00, cachedInput: 7.50, output: 75.00 }";
  const ratesOf = (price: string) => {
    const parsed = parseDeclarations(text.replace(declared, price));
    if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
    const book = new FileDeclarations(parsed.declared, "/", {}).priceBook();
    return book.priceOf("sim-premium", Date.UTC(2026, 5, 1), 1n)?.rates;
  };
  expect(
    ratesOf(
      "{ effectiveFrom: 2026-01-01, input: 4, cachedInput: 0.4, cacheWrite: 5, cacheWriteHour: 8, output: 20, reasoning: 21 }",
    ),
  ).toEqual({
    inputNanoUsd: 4_000_000_000n,
    cachedInputNanoUsd: 400_000_000n,
    cacheWriteNanoUsd: 5_000_000_000n,
    cacheWriteHourNanoUsd: 8_000_000_000n,
    outputNanoUsd: 20_000_000_000n,
    reasoningNanoUsd: 21_000_000_000n,
    otherNanoUsd: {},
  });
  expect(ratesOf("{ effectiveFrom: 2026-01-01, input: 4, output: 20 }")).toEqual({
    ...{ inputNanoUsd: 4_000_000_000n, outputNanoUsd: 20_000_000_000n, cachedInputNanoUsd: null },
    ...{ cacheWriteNanoUsd: null, cacheWriteHourNanoUsd: null, reasoningNanoUsd: null },
    otherNanoUsd: {},
  });
});

test("prices are exact, and the reference of a secret is resolved only on demand", () => {
  const declarations = FileDeclarations.read(local, { SLUICE_SIMULATOR_URL: "http://127.0.0.1:1" });
  const price = declarations.priceBook().priceOf("sim-economy-q4", Date.UTC(2026, 5, 1), 1n);
  expect(price?.rates.cachedInputNanoUsd).toBe(25_000_000n);
  expect(declarations.providers()[0]?.baseUrl).toBe("http://127.0.0.1:1");
  expect(() => declarations.secretOf("env:ABSENT")).toThrow(/ABSENT.*set it/);
});

test("a tenant has the weight that is declared, and 1 without one", () => {
  const parsed = parseDeclarations(text.replace("- id: demo\n", "- id: demo\n    weight: 3\n"));
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
  const declarations = new FileDeclarations(parsed.declared, ".", {});
  expect([declarations.weightOf("demo"), declarations.weightOf("unknown")]).toEqual([3, 1]);
  expect(errorsOf(text.replace("- id: demo\n", "- id: demo\n    weight: 0\n"))).toEqual([
    expect.stringContaining("tenants[0].weight: Too small"),
  ]);
});
