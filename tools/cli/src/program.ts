import { Command, type CommandUnknownOpts, type Option } from "@commander-js/extra-typings";
import { withSubcommands } from "./command-tree.ts";
import { completionCommand } from "./commands/completion.ts";
import { costsCommand } from "./commands/costs.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
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
  sendCommand,
  costsCommand,
  deadLettersCommand,
  provisionCommand,
  completionCommand,
];

/** A line of the smallest terminal; help is made for it, whatever the terminal's own width. */
const helpColumns = 80;

const ending = `
Exit codes: 0 done, 1 failed or not ready, 2 wrong use, 130 interrupted.
Standard output has what was asked for, standard error what is said beside it.
"sluice help <command>" says more; --json makes any command's output JSON.`;

/** The command line as a whole; nothing of what the commands do is loaded yet. */
export function sluiceProgram(finish: Finish = () => undefined): CommandUnknownOpts {
  const program = new Command("sluice")
    .description("LLM requests that spend no more than they were allowed, and can prove it.")
    .usage("<command> [options]")
    .helpCommand(false)
    .addHelpText("after", ending);
  for (const define of definitions) program.addCommand(define(finish));
  program.addCommand(helpCommand(program));
  for (const command of withSubcommands(program)) configure(command);
  return program;
}

/** Errors are thrown, and told by who catches them; help names what matters once. */
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

/** With its default, where it takes a value; a switch is off unless it is given. */
function optionDescription({ description, defaultValueDescription }: Option): string {
  return defaultValueDescription === undefined
    ? description
    : `${description} (default: ${defaultValueDescription})`;
}

function argumentTerm(argument: CommandUnknownOpts["registeredArguments"][number]): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}
