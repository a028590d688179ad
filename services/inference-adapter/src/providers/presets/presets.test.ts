import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type PresetName, presetNames } from "@sluice/declarations";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anthropic } from "./anthropic.fixture.ts";
import { DeclaredPreset } from "./declared-preset.fixture.ts";
import { gemini } from "./gemini.fixture.ts";
import { mistral } from "./mistral.fixture.ts";
import { ollama } from "./ollama.fixture.ts";
import { openai } from "./openai.fixture.ts";
import { openrouter } from "./openrouter.fixture.ts";
import { capabilities, type PresetRows } from "./preset-rows.fixture.ts";
import { vllm } from "./vllm.fixture.ts";

const presets: Readonly<Record<PresetName, PresetRows>> = {
  openai,
  anthropic,
  gemini,
  mistral,
  vllm,
  ollama,
  openrouter,
};
const page = readFileSync(
  join(import.meta.dirname, "../../../../../docs/reference/providers.md"),
  "utf8",
);

/** Returns the rows of each table, by the name in the heading above it. */
function tablesIn(markdown: string): ReadonlyMap<string, readonly (readonly string[])[]> {
  const sections = markdown.split(/^## /m).slice(1);
  return new Map(
    sections.flatMap((section) => {
      const [, preset] = /^.*`preset: (\w+)`/.exec(section) ?? [];
      const [, , ...rows] = section.split("\n").filter((line) => line.startsWith("|"));
      const cells = rows.map((row) =>
        row
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
      return preset === undefined ? [] : [[preset, cells] as const];
    }),
  );
}

describe.each(presetNames)("the table of the preset %s", (name) => {
  const { says, checks } = presets[name];
  let preset: DeclaredPreset;
  beforeAll(async () => {
    preset = await DeclaredPreset.start(name);
  });
  afterAll(() => preset.stop());

  test("has a row for every test, and a test for every row", () => {
    const rows = capabilities.map((capability) => [capability, says[capability]]);
    expect(tablesIn(page).get(name)).toEqual(rows);
  });

  test("states the address that the preset has", () => {
    expect(says.address).toBe(`\`${preset.baseUrl}\``);
  });

  test.each(capabilities.map((capability) => [capability, says[capability]] as const))(
    "is right: %s: %s",
    async (capability) => {
      await expect(checks[capability](preset)).resolves.toBeUndefined();
    },
  );
});

test("every table is that of a preset", () => {
  expect([...tablesIn(page).keys()].toSorted()).toEqual([...presetNames].toSorted());
});
