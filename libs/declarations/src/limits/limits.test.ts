import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { FileDeclarations } from "../file-declarations.ts";
import { parseDeclarations } from "../parse.ts";

function yamlWith(limits: string, key = ""): string {
  return `
tenants:
  - id: acme
    weight: 3
    keys:
      - { id: k1, secret: "env:K1", team: support, feature: chat, user: ann, ${key} }
  - { id: globex }
providers: [{ id: p, preset: openai, keys: ["env:P"] }]
models:
  - { id: m, provider: p, tier: economy, contextWindow: 1,
      prices: [{ effectiveFrom: 2026-01-01, input: 1, output: 1 }] }
${limits}`;
}

function declared(limits: string, key?: string): FileDeclarations {
  const parsed = parseDeclarations(yamlWith(limits, key));
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.errors));
  return new FileDeclarations(parsed.declared, ".", {});
}

function errorsOf(limits: string, key?: string): readonly string[] {
  const parsed = parseDeclarations(yamlWith(limits, key));
  if (parsed.kind === "valid") return [];
  return parsed.errors.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const none = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null };

test("without a declaration there is no limit, and no prompt is a loop", () => {
  const declarations = declared("");
  expect(declarations.limitsOf("acme", "k1")).toEqual([]);
  expect(declarations.samePromptPerMinute()).toBe(0);
});

test("a request counts in the limits of its key, of its tenant and of all tenants", () => {
  const declarations = declared(
    `limits:
  - { id: users, tenant: acme, selector: { team: [support, sales] }, each: [user], requestsPerMinute: 60 }
  - { id: all, selector: { feature: chat }, concurrency: 5 }
  - { id: others, tenant: globex, concurrency: 1 }
loops: { samePromptPerMinute: 20 }`,
    "limits: { requestsPerMinute: 600, tokensPerMinute: 90000 }",
  );
  const all = { ...none, id: "all", selector: { feature: ["chat"] }, each: [], concurrency: 5 };
  expect(declarations.limitsOf("acme", "k1")).toEqual([
    {
      ...{ ...none, id: "key k1", selector: { key: ["k1"] }, each: [] },
      ...{ requestsPerMinute: 600, tokensPerMinute: 90_000 },
    },
    {
      ...{ ...none, id: "users", selector: { team: ["support", "sales"] } },
      ...{ each: ["user"], requestsPerMinute: 60 },
    },
    all,
  ]);
  expect(declarations.limitsOf("globex", "k1")).toEqual([
    all,
    { ...none, id: "others", selector: {}, each: [], concurrency: 1 },
  ]);
  expect(declarations.limitsOf("acme", "k1")).toBe(declarations.limitsOf("acme", "k1"));
  expect(declarations.samePromptPerMinute()).toBe(20);
  expect(declarations.keys()[0]).not.toHaveProperty("limits");
});

test("all errors of limits are reported together, each on its line", () => {
  const limits = `limits:
  - { id: users, tenant: acne, requestsPerMinute: 60 }
  - { id: users, each: [group], requestsPerMinute: 0 }
  - { id: nothing, selector: { model: m } }
loops: { samePromptPerMinute: -1 }`;
  expect(errorsOf(limits, "limits: {}")).toEqual(
    [
      "6 tenants[0].keys[0].limits: it limits nothing",
      '13 limits[0].tenant: no tenant has the id "acne"',
      "14 limits[1].each[0]: Invalid option",
      "14 limits[1].requestsPerMinute: Too small",
      '14 limits[1].id: another limit has the id "users"',
      "15 limits[2].selector.model: unknown key",
      "15 limits[2]: it limits nothing",
      "16 loops.samePromptPerMinute: Too small",
    ].map((error) => expect.stringContaining(error)),
  );
  const limitOf = (_: unknown, index: number) => `{ id: l${index}, concurrency: 1 }`;
  const many = `limits: [${Array.from({ length: 501 }, limitOf).join(", ")}]`;
  expect(errorsOf(many)).toContainEqual(expect.stringContaining("501 limits are declared"));
});

test("every declaration in the guide is valid", () => {
  const guide = readFileSync(
    join(import.meta.dirname, "../../../../docs/guides/limits.md"),
    "utf8",
  );
  const blocks = [...guide.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(3);
  const errors = blocks.flatMap((block) => {
    const whole: unknown = { ...parse(yamlWith("")), ...parse(block) };
    const parsed = parseDeclarations(stringify(whole));
    return parsed.kind === "invalid" ? parsed.errors : [];
  });
  expect(errors).toEqual([]);
});
