import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { withSubcommands } from "../command-tree.ts";

/** The words that can follow a command, as a completion script needs them. */
export interface Words {
  /** The command's name with those of its parents, such as `dead-letters list`; empty for sluice itself. */
  readonly command: string;
  readonly subcommands: readonly Word[];
  readonly options: readonly OptionWord[];
  /** Values of its first argument, if they are known. */
  readonly values: readonly string[];
}

export interface Word {
  readonly name: string;
  readonly meaning: string;
}

export interface OptionWord extends Word {
  readonly follows: "nothing" | "file" | "text" | readonly string[];
}

/** Returns all commands of the command line and the words that can follow each. Pure. */
export function wordsOf(program: CommandUnknownOpts): readonly Words[] {
  return withSubcommands(program).map((command) => {
    const subcommands = command.commands.map((each) => ({
      name: each.name(),
      meaning: each.summary(),
    }));
    return {
      command: pathOf(command),
      subcommands,
      options: command.options.map(optionWord),
      values: command.name() === "help" ? namesIn(program) : choicesIn(command),
    };
  });
}

function namesIn(program: CommandUnknownOpts): readonly string[] {
  return program.commands.map((command) => command.name());
}

function choicesIn({ registeredArguments: [first] }: CommandUnknownOpts): readonly string[] {
  return first?.argChoices ?? [];
}

/** Returns a command's name after `sluice`, such as `dead-letters list`. */
export function pathOf(command: CommandUnknownOpts): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}`.trim() : "";
}

function optionWord(option: Option): OptionWord {
  return {
    name: option.long ?? option.flags,
    meaning: option.description,
    follows: followsOf(option),
  };
}

function followsOf({ required, argChoices, flags }: Option): OptionWord["follows"] {
  if (!required) return "nothing";
  if (argChoices) return argChoices;
  return /<(?:file|folder|jsonl)>/.test(flags) ? "file" : "text";
}
