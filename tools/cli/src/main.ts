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
// An interrupted command may have left a connection open, which would keep the process running.
process.exit();

/** Prints the error, as a sentence if its cause is known, and returns the exit code. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof CommanderError) {
    // Commander also throws after it has shown help; that is a success.
    if (error instanceof CommanderError && error.exitCode === 0) return exitDone;
    const text = usageMessageOf(error, program, given);
    if (text !== undefined) printToStderr(`${text}\n`);
    return exitWrongUse;
  }
  if (error instanceof Fault) printToStderr(`${error.message}\n`);
  else console.error(error);
  return exitFailed;
}
