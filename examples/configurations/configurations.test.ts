import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDeclarations } from "@sluice/declarations";
import { formatUsd, tiers } from "@sluice/domain";
import { expect, test } from "vitest";

const folder = import.meta.dirname;
const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

function declared(name: string) {
  const parsed = parseDeclarations(readFileSync(join(folder, name), "utf8"));
  if (parsed.kind === "invalid")
    throw new Error(parsed.errors.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  return parsed.declared;
}

test("the folder contains exactly the six files that the README names", () => {
  expect(names.toSorted()).toEqual([
    "anthropic.yaml",
    "budgets.yaml",
    "frugal.yaml",
    "hybrid-vllm.yaml",
    "ollama.yaml",
    "openai.yaml",
  ]);
});

test.each(names)("%s is valid, and has a model for every complexity", (name) => {
  const { models } = declared(name);
  expect(models.some(({ tier }) => tier === tiers.at(-1))).toBe(true);
});

test("frugal answers are limited to 256, 512 and 1,024 tokens", () => {
  expect(declared("frugal.yaml").routing.outputLimits).toEqual({
    ...{ economy: 256, standard: 512, premium: 1_024 },
  });
});

test("in hybrid-vllm.yaml, the local model is the cheapest of its tier and is therefore tried first", () => {
  const economy = declared("hybrid-vllm.yaml").models.filter(({ tier }) => tier === "economy");
  const byPrice = economy.toSorted((one, other) =>
    Number(one.prices[0]!.output - other.prices[0]!.output),
  );
  expect(byPrice.map(({ provider }) => provider)).toEqual(["local", "openai"]);
});

test("a model costs the same in every file", () => {
  const rates = new Map<string, Set<string>>();
  for (const { id, prices } of names.flatMap((name) => declared(name).models)) {
    const { input, output, cachedInput = 0n } = prices[0]!;
    const shown = [input, output, cachedInput].map(formatUsd).join(" ");
    rates.set(id, (rates.get(id) ?? new Set()).add(shown));
  }
  expect([...rates].filter(([, distinct]) => distinct.size > 1)).toEqual([]);
});
