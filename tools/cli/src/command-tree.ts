import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** Returns the command and all commands below it. */
export function withSubcommands(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** Returns `sluice` itself, for any command below it. */
export function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent ? rootOf(command.parent) : command;
}
