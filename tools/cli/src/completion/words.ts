import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { withSubcommands } from "../command-tree.ts";

/** What can follow a command, as a shell is to be told it. */
export interface Words {
  /** The command's name, with its parents': empty for sluice itself, else such as `dead-letters list`. */
  readonly command: string;
  readonly subcommands: readonly Word[];
  readonly options: readonly OptionWord[];
  /** Values of its first argument, where they are known. */
  readonly values: readonly string[];
}

export interface Word {
  readonly name: string;
  readonly meaning: string;
}

export interface OptionWord extends Word {
  readonly follows: "nothing" | "file" | "text" | readonly string[];
}

/** All commands of the command line and what can follow them. Pure. */
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

/** Its name after `sluice`. */
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
