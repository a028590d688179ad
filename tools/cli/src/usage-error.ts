import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";

/** Reports a command line or an environment that the user has to correct. The message is a sentence. */
export class UsageError extends Error {}

/**
 * Returns the error as a sentence, followed by the help command to run. Commander's own message has
 * the form "error: unknown option '--x'\n(Did you mean --y?)". Returns undefined if commander has
 * already shown the command's help. Pure.
 */
export function usageMessageOf(
  error: CommanderError | UsageError,
  program: CommandUnknownOpts,
  given: readonly string[],
): string | undefined {
  if (error instanceof CommanderError && error.code === "commander.help") return undefined;
  const text = error instanceof UsageError ? error.message : plainMessageOf(error);
  const gap = text.endsWith("\n") ? "" : " ";
  return `${text}${gap}See "${helpCommandFor(program, given)}".`;
}

function plainMessageOf({ message }: CommanderError): string {
  const [what = "", ...hints] = message.replace(/^error: /, "").split("\n");
  const hint = hints.map((line) => line.replace(/^\(Did/, "(did")).join(" ");
  const text = [what.replace(/\.$/, ""), hint].filter((part) => part !== "").join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Returns the command that shows the help of the given command, or of the part that is valid. */
function helpCommandFor(program: CommandUnknownOpts, given: readonly string[]): string {
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
