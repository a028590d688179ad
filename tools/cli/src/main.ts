import { CommanderError } from "@commander-js/extra-typings";
import { Fault } from "@sluice/domain";
import { printToStderr } from "./output.ts";
import { sluiceProgram } from "./program.ts";
import { usageMessageOf, UsageError } from "./usage-error.ts";

const exitDone = 0;
const exitFailed = 1;
const exitWrongUse = 2;

const program = sluiceProgram((exitCode) => (process.exitCode = exitCode));
const given = process.argv.slice(2);

try {
  await program.parseAsync(given.length === 0 ? ["help"] : given, { from: "user" });
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
// A command that was interrupted may have left a connection open, which must not keep us.
process.exit();

/** Says what went wrong, in a sentence where it is known. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof CommanderError) {
    // Help that was asked for ends the parsing by an exception, too.
    if (error instanceof CommanderError && error.exitCode === 0) return exitDone;
    const text = usageMessageOf(error, program, given);
    if (text !== undefined) printToStderr(`${text}\n`);
    return exitWrongUse;
  }
  if (error instanceof Fault) printToStderr(`${error.message}\n`);
  else console.error(error);
  return exitFailed;
}
