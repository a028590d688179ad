import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";

/** The command line cannot be understood; the message is a sentence. */
export class UsageError extends Error {}

/**
 * What is wrong, as a sentence, and where to read on. The library says it as "error: unknown option
 * '--x'\n(Did you mean --y?)". Undefined where it has shown the help of the command instead. Pure.
 */
export function usageMessageOf(
  error: CommanderError | UsageError,
  program: CommandUnknownOpts,
  given: readonly string[],
): string | undefined {
  if (error instanceof CommanderError && error.code === "commander.help") return undefined;
  return `${error instanceof UsageError ? error.message : plain(error)} See "${helpFor(program, given)}".`;
}

function plain({ message }: CommanderError): string {
  const [what = "", ...hints] = message.replace(/^error: /, "").split("\n");
  const hint = hints.map((line) => line.replace(/^\(Did/, "(did")).join(" ");
  const text = [what.replace(/\.$/, ""), hint].filter((part) => part !== "").join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The help of the command that was meant, as far as it is known. */
function helpFor(program: CommandUnknownOpts, given: readonly string[]): string {
  let command = program;
  const names: string[] = [];
  for (const word of given) {
    const found = command.commands.find((each) => each.name() === word);
    if (!found || word === "help") break;
    names.push(word);
    command = found;
  }
  return ["sluice help", ...names].join(" ");
}
