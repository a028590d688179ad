import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../usage-error.ts";

/** The library's own knows no command of a command. */
export const helpCommand = (program: CommandUnknownOpts) =>
  new Command("help")
    .summary("help for a command")
    .description("Help for a command.")
    .argument("[command...]", "such as costs, or dead-letters list")
    .action(async (names) => {
      let command = program;
      for (const [index, name] of names.entries()) {
        const found = command.commands.find((each) => each.name() === name);
        if (!found && command.commands.length === 0)
          throw new UsageError(`There are no commands below "${command.name()}".`);
        // The parser finds that there is none, and what was meant.
        // oxlint-disable-next-line no-await-in-loop -- it ends the loop
        if (!found) await program.parseAsync(names.slice(0, index + 1), { from: "user" });
        command = found ?? command;
      }
      command.outputHelp();
    });
