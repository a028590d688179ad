import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { sluiceProgram } from "../program.ts";
import { scriptOf } from "./scripts.ts";
import { wordsOf } from "./words.ts";

const commands = wordsOf(sluiceProgram());

/** Returns the words that a real bash offers when Tab is pressed at the end of this line. */
function offeredBy(line: string): readonly string[] {
  const words = line.split(" ");
  const program = [
    scriptOf.bash(commands),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})`,
    `COMP_CWORD=${words.length - 1}`,
    "_sluice",
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ].join("\n");
  const output = execFileSync("bash", ["--norc", "-euo", "pipefail", "-c", program], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  return output.split("\n").filter((word) => word !== "");
}

test("bash completes a command", () => {
  expect(offeredBy("sluice st")).toEqual(["status"]);
  expect(offeredBy("sluice ")).toEqual(expect.arrayContaining(["up", "dead-letters", "help"]));
  expect(offeredBy("sluice help co")).toEqual(["costs", "completion"]);
});

test("bash completes a subcommand", () => {
  expect(offeredBy("sluice dead-letters ")).toEqual(["list", "show", "replay"]);
  expect(offeredBy("sluice dead-letters re")).toEqual(["replay"]);
});

test("bash completes the options of the command on the line, and of no other command", () => {
  expect(offeredBy("sluice up --f")).toEqual(["--free-ports"]);
  expect(offeredBy("sluice dead-letters replay --dr")).toEqual(["--dry-run"]);
  expect(offeredBy("sluice status --detach")).toEqual([]);
  expect(offeredBy("sluice up --detach --no")).toEqual(["--no-demo"]);
});

test("bash completes the value of an option", () => {
  expect(offeredBy("sluice costs --format c")).toEqual(["csv"]);
  expect(offeredBy("sluice completion z")).toEqual(["zsh"]);
  expect(offeredBy("sluice send --file wor")).toEqual(["words.ts"]);
  expect(offeredBy("sluice send --timeout ")).toEqual([]);
});

test("the value of an option is not mistaken for a command", () => {
  expect(offeredBy("sluice costs --tenant up --f")).toEqual(["--format"]);
});

test("the zsh and fish scripts contain the same commands and options", () => {
  const names = commands.flatMap(({ subcommands, options }) => [
    ...subcommands.map(({ name }) => name),
    ...options.map(({ name }) => name),
  ]);
  expect(names.length).toBeGreaterThan(40);
  for (const name of names) {
    expect(scriptOf.zsh(commands)).toContain(`'${name}:`);
    expect(scriptOf.fish(commands)).toMatch(
      name.startsWith("--") ? ` -l ${name.slice(2)} ` : ` -a '${name}' `,
    );
  }
});
