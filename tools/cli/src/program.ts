import { Command, type CommandUnknownOpts, type Option } from "@commander-js/extra-typings";
import { withSubcommands } from "./command-tree.ts";
import { applyCommand } from "./commands/apply.ts";
import { completionCommand } from "./commands/completion.ts";
import { costsCommand } from "./commands/costs.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { credentialsCommand } from "./commands/credentials.ts";
import type { Definition, Finish } from "./commands/definition.ts";
import { downCommand } from "./commands/down.ts";
import { helpCommand } from "./commands/help.ts";
import { provisionCommand } from "./commands/provision.ts";
import { sendCommand } from "./commands/send.ts";
import { statusCommand } from "./commands/status.ts";
import { upCommand } from "./commands/up.ts";

/** All commands, in the order in which help shows them. */
const definitions: readonly Definition[] = [
  upCommand,
  downCommand,
  statusCommand,
  credentialsCommand,
  sendCommand,
  costsCommand,
  deadLettersCommand,
  provisionCommand,
  applyCommand,
  completionCommand,
];

/** Help is laid out for the smallest common terminal, whatever the width of the actual one. */
const helpColumns = 80;

const ending = `
Exit codes: 0 done, 1 failed or not ready, 2 wrong use, 130 interrupted.
Results go to standard output; progress and errors go to standard error.
"sluice help <command>" shows all options. With --json, every result is JSON.`;

/** Returns the whole command line. The code that runs a command is not loaded yet. */
export function sluiceProgram(finish: Finish = () => undefined): CommandUnknownOpts {
  const program = new Command("sluice")
    .description("Runs Sluice, a pipeline for LLM requests, and sends requests through it.")
    .usage("<command> [options]")
    .helpCommand(false)
    .addHelpText("after", ending);
  for (const define of definitions) program.addCommand(define(finish));
  program.addCommand(helpCommand(program));
  for (const command of withSubcommands(program)) configure(command);
  return program;
}

/** Makes the command throw its errors, for main.ts to print, and its help state each fact once. */
function configure(command: CommandUnknownOpts): void {
  command
    .exitOverride()
    .helpCommand(false)
    .configureOutput({ outputError: () => undefined, getOutHelpWidth: () => helpColumns })
    .configureHelp({
      visibleOptions: ({ options }) => [...options],
      optionDescription,
      subcommandTerm: (each) =>
        [each.name(), ...each.registeredArguments.map(argumentTerm)].join(" "),
      argumentDescription: ({ description }) => description,
    });
}

/** Adds the default to the description of an option with a value; a switch is off by default. */
function optionDescription({ description, defaultValueDescription }: Option): string {
  return defaultValueDescription === undefined
    ? description
    : `${description} (default: ${defaultValueDescription})`;
}

function argumentTerm(argument: CommandUnknownOpts["registeredArguments"][number]): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}
