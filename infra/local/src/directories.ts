import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { errorCodeOf, StackFault } from "./faults.ts";

/** The folder of this package, which contains `config/`. It is the parent of both `src/` and `dist/`. */
const packageRoot = dirname(import.meta.dirname);

export const repositoryRoot = resolve(packageRoot, "..", "..");

/** Returns the path of a file in this package's `config/`. */
export function committedFile(name: string): string {
  return join(packageRoot, "config", name);
}

/**
 * Returns the folder of the downloads, which all data directories share: `SLUICE_CACHE_DIR`, else
 * `~/.cache/sluice`.
 */
export function cacheRootOf(environment: NodeJS.ProcessEnv): string {
  const chosen = environment["SLUICE_CACHE_DIR"];
  return chosen ? resolve(chosen) : join(homedir(), ".cache", "sluice");
}

/**
 * Creates a folder and its parents one by one. `mkdirSync` with `recursive` never returns if the system
 * refuses with "not found", as /proc does.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

/**
 * Creates the folder if it does not exist, and checks that this process can write to it.
 *
 * @param remedy ends the message: "Cannot write to … (EACCES): give --data-dir …"
 * @throws StackFault `STACK_DIRECTORY_UNWRITABLE`
 */
export function makeWritable(folder: string, remedy: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = errorCodeOf(cause) ?? String(cause);
    throw new StackFault(
      "STACK_DIRECTORY_UNWRITABLE",
      `Cannot write to ${folder} (${reason}): ${remedy}.`,
      { cause },
    );
  }
}
