import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { expect, test } from "vitest";
import { withSubcommands } from "./command-tree.ts";
import { pathOf } from "./completion/words.ts";
import { sluiceProgram } from "./program.ts";
import { usageMessageOf, UsageError } from "./usage-error.ts";

const program = sluiceProgram();
const commands = withSubcommands(program).map((command) => ({
  command,
  name: `sluice ${pathOf(command)}`.trim(),
}));

function helpTextOf(command: CommandUnknownOpts): string {
  const parts: string[] = [];
  command.configureOutput({ writeOut: (text) => parts.push(text) }).outputHelp();
  return parts.join("");
}

async function complaintAbout(...given: readonly string[]): Promise<string | undefined> {
  // A program of its own: what was parsed is kept.
  const asked = sluiceProgram();
  try {
    await asked.parseAsync(given, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError || error instanceof UsageError)
      return usageMessageOf(error, asked, given);
    throw error;
  }
  throw new Error("It was understood.");
}

test.each(commands)("the help of $name fits a screen of 80 columns and 24 lines", ({ command }) => {
  const lines = helpTextOf(command).trimEnd().split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  // The prompt below it is on the screen as well.
  expect(lines.length).toBeLessThanOrEqual(23);
});

test.each(commands)("$name says of every option what it is and what holds without it", (each) => {
  const silent = each.command.options
    .filter(({ required, defaultValueDescription }) => required && !defaultValueDescription)
    .map(({ long }) => long);
  // Without a file there is a prompt.
  expect(silent).toEqual(each.name === "sluice send" ? ["--file"] : []);
  const help = helpTextOf(each.command);
  for (const { long, description } of each.command.options) {
    expect(help).toContain(long);
    expect(description).not.toBe("");
  }
});

test("every command can speak to programs", () => {
  const leaves = commands.filter(
    ({ command }) => command.commands.length === 0 && command.name() !== "help",
  );
  const mute = leaves.filter(
    ({ command }) => !command.options.some(({ long }) => long === "--json"),
  );
  expect(leaves.length).toBeGreaterThan(8);
  expect(mute.map(({ name }) => name)).toEqual([]);
});

test.each([
  [["statsu"], `Unknown command 'statsu' (did you mean status?). See "sluice help".`],
  [["up", "--detahc"], `Unknown option '--detahc' (did you mean --detach?). See "sluice help up".`],
  [
    ["dead-letters", "lst"],
    `Unknown command 'lst' (did you mean list?). See "sluice help dead-letters".`,
  ],
  [["help", "cots"], `Unknown command 'cots' (did you mean costs?). See "sluice help".`],
  [["help", "up", "more"], `There are no commands below "up". See "sluice help".`],
])("%j is answered in a sentence, with what may have been meant", async (given, expected) => {
  expect(await complaintAbout(...given)).toBe(expected);
});

test.each([
  [["send", "hi", "--concurrency", "0"], /'0' is invalid.*from 1 to 256/],
  [["send", "hi", "--timeout", "1.5"], /'1.5' is invalid.*from 1 to 3600/],
  [["costs", "--format", "xml"], /'xml' is invalid.*table, json, csv/],
  [["costs", "--json", "--format", "csv"], /'--json'.*cannot be used with option '--format/],
  [["down", "now"], /Too many arguments/],
  [["completion", "tcsh"], /'tcsh' is invalid.*bash, zsh, fish/],
  [["dead-letters", "show"], /Missing required argument 'position'/],
])("%j is refused before anything is done", async (given, expected) => {
  expect(await complaintAbout(...given)).toMatch(expected);
});

test("a command of commands alone shows its help, as a wrong use", async () => {
  await expect(complaintAbout("dead-letters")).resolves.toBeUndefined();
});
