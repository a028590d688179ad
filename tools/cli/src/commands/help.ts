import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../usage-error.ts";

/** Replaces commander's own help command, which does not know subcommands. */
export const helpCommand = (program: CommandUnknownOpts) =>
  new Command("help")
    .summary("show help for a command")
    .description("Shows help for a command.")
    .argument("[command...]", "such as costs, or dead-letters list")
    .action(async (names) => {
      let command = program;
      for (const [index, name] of names.entries()) {
        const found = command.commands.find((each) => each.name() === name);
        if (!found && command.commands.length === 0)
          throw new UsageError(`The command "${command.name()}" has no subcommands.`);
        // Lets the parser report the unknown command, because it also suggests a similar name.
        // oxlint-disable-next-line no-await-in-loop -- it throws, which ends the loop
        if (!found) await program.parseAsync(names.slice(0, index + 1), { from: "user" });
        command = found ?? command;
      }
      command.outputHelp();
    });
