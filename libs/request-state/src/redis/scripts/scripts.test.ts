import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attemptsMax, recordKeptMs } from "../../limits.ts";
import { prelude } from "./prelude.ts";

const folder = import.meta.dirname;
const sources = globSync("*.ts", { cwd: folder }).filter((file) => !file.endsWith(".test.ts"));

/** 1000 converts the server's seconds and microseconds to milliseconds. */
const allowed = new Set(["0", "1", "1000"]);

/** Numbers in the Lua of a source; comments, indexes such as KEYS[4] and time[2], and positions of arguments are left out. */
function numbersIn(source: string): readonly string[] {
  const lua = source
    .replaceAll(/\/\*[^]*?\*\/|--.*$/gm, "")
    .replaceAll(/\$\{[^}]*\}/g, "")
    .replaceAll(/\b(?:KEYS|ARGV|time|state)\[\d\]|\breserveFor\(\d\)|\bat \+ \d/g, "");
  return lua.match(/(?<![\w.])\d+/g) ?? [];
}

test("no script states a limit: every number in them is rendered from limits.ts", () => {
  expect(sources.length).toBeGreaterThan(15);
  const literals = sources.flatMap((file) =>
    numbersIn(readFileSync(join(folder, file), "utf8"))
      .filter((number) => !allowed.has(number))
      .map((number) => `${file}: ${number}`),
  );
  expect(literals).toEqual([]);
});

test("a literal limit in a script is found", () => {
  expect(numbersIn("`local attemptsMax, keptMs = 4, 600000`")).toEqual(["4", "600000"]);
});

test("the prelude holds the limits as whole numbers", () => {
  expect(prelude).toContain(`local attemptsMax = ${attemptsMax}\n`);
  expect(prelude).toContain(`local recordKeptMs, replyKeptMs = ${recordKeptMs}, `);
  expect(prelude).not.toMatch(/undefined|NaN|\de\d/);
});
