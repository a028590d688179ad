import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { errorCodeOf, StackFault } from "./faults.ts";

/** Holds this package's `config/`, whether run from `src/` or from `dist/`. */
const packageRoot = dirname(import.meta.dirname);

export const repositoryRoot = resolve(packageRoot, "..", "..");

export function committedFile(name: string): string {
  return join(packageRoot, "config", name);
}

/** Downloads, shared by all data directories: `SLUICE_CACHE_DIR`, else `~/.cache/sluice`. */
export function cacheRootOf(environment: NodeJS.ProcessEnv): string {
  const chosen = environment["SLUICE_CACHE_DIR"];
  return chosen ? resolve(chosen) : join(homedir(), ".cache", "sluice");
}

/** One at a time: where a system refuses with "not found", as /proc does, Node's own way never ends. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

/** `remedy` ends the sentence: "Cannot write to … (EACCES): give --data-dir …". */
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
