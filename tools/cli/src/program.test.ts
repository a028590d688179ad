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

async function usageMessageFor(...given: readonly string[]): Promise<string | undefined> {
  // Uses a new program, because a program keeps what it has parsed.
  const newProgram = sluiceProgram();
  try {
    await newProgram.parseAsync(given, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError || error instanceof UsageError)
      return usageMessageOf(error, newProgram, given);
    throw error;
  }
  throw new Error("The command line was accepted.");
}

test.each(commands)(
  "the help of $name fits on a screen of 80 columns and 24 lines",
  ({ command }) => {
    const lines = helpTextOf(command).trimEnd().split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    // The shell's prompt below the help takes one line.
    expect(lines.length).toBeLessThanOrEqual(23);
  },
);

test.each(commands)("the help of $name describes every option and states its default", (each) => {
  const silent = each.command.options
    .filter(
      ({ required, mandatory, defaultValueDescription }) =>
        required && !mandatory && !defaultValueDescription,
    )
    .map(({ long }) => long);
  // --file has no default: without it, the command takes a prompt.
  expect(silent).toEqual(each.name === "sluice send" ? ["--file"] : []);
  const help = helpTextOf(each.command);
  for (const { long, description } of each.command.options) {
    expect(help).toContain(long);
    expect(description).not.toBe("");
  }
});

test("every command has the option --json", () => {
  const leaves = commands.filter(
    ({ command }) => command.commands.length === 0 && command.name() !== "help",
  );
  const withoutJson = leaves.filter(
    ({ command }) => !command.options.some(({ long }) => long === "--json"),
  );
  expect(leaves.length).toBeGreaterThan(8);
  expect(withoutJson.map(({ name }) => name)).toEqual([]);
});

test.each([
  [["statsu"], `Unknown command 'statsu' (did you mean status?). See "sluice help".`],
  [["up", "--detahc"], `Unknown option '--detahc' (did you mean --detach?). See "sluice help up".`],
  [
    ["dead-letters", "lst"],
    `Unknown command 'lst' (did you mean list?). See "sluice help dead-letters".`,
  ],
  [["help", "cots"], `Unknown command 'cots' (did you mean costs?). See "sluice help".`],
  [["help", "up", "more"], `The command "up" has no subcommands. See "sluice help".`],
])("%j is refused in a sentence that suggests a similar name", async (given, expected) => {
  expect(await usageMessageFor(...given)).toBe(expected);
});

test.each([
  [["send", "hi", "--concurrency", "0"], /'0' is invalid.*from 1 to 256/],
  [["send", "hi", "--timeout", "1.5"], /'1.5' is invalid.*from 1 to 3600/],
  [["costs", "--format", "xml"], /'xml' is invalid.*table, json, csv/],
  [["costs", "--json", "--format", "csv"], /'--json'.*cannot be used with option '--format/],
  [["down", "now"], /Too many arguments/],
  [["completion", "tcsh"], /'tcsh' is invalid.*bash, zsh, fish/],
  [["dead-letters", "show"], /Missing required argument 'position'/],
])("%j is refused before the command runs", async (given, expected) => {
  expect(await usageMessageFor(...given)).toMatch(expected);
});

test("a command that only has subcommands shows its help instead of an error message", async () => {
  await expect(usageMessageFor("dead-letters")).resolves.toBeUndefined();
});
