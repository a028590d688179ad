import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
} from "node:fs";
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
function makeFolder(folder: string, mode = 0o777): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

/**
 * Creates the folder if it does not exist, and checks that this process can write to it.
 *
 * @param remedy ends the message: "Cannot write to … (EACCES): give --data-dir …"
 * @param mode the permissions of a folder that is created; not set: those of the umask
 * @throws StackFault `STACK_DIRECTORY_UNWRITABLE`
 */
export function makeWritable(folder: string, remedy: string, mode?: number): void {
  try {
    makeFolder(folder, mode);
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

/** The permissions of a data directory. Its files contain prompts, answers, keys and the ledger. */
const OWNER_ONLY = 0o700;
const OTHERS = 0o077;
/** What the first start creates. */
const ownFolders = ["secrets", "logs"];
/** What a user may write before the first start. */
const beforeFirstStart = new Set(["sluice.yaml", "secrets"]);

/**
 * Creates the data directory if it does not exist, and closes it to all other accounts of the machine. The
 * servers create files that everyone may read, such as topics and Redis's log, so the folder above them must
 * not be entered. A data directory that an earlier version left open is closed too.
 *
 * @throws StackFault `STACK_DIRECTORY_UNWRITABLE` if it cannot be written or closed, or if it is another
 * program's folder, whose permissions we must not change
 */
export function makeDataDir(folder: string): void {
  makeWritable(folder, "give --data-dir a directory you can write to", OWNER_ONLY);
  const { mode } = statSync(folder);
  if ((mode & OTHERS) === 0) return;
  if (!isDataDir(folder)) {
    throw new StackFault(
      "STACK_DIRECTORY_UNWRITABLE",
      `${folder} has files of other programs, and other accounts may enter it (mode ${modeText(mode)}). A data directory is closed to other accounts, because it contains prompts and keys. Give --data-dir a new directory.`,
    );
  }
  try {
    chmodSync(folder, OWNER_ONLY);
  } catch (cause) {
    const reason = errorCodeOf(cause) ?? String(cause);
    throw new StackFault(
      "STACK_DIRECTORY_UNWRITABLE",
      `Cannot close ${folder} to other accounts (${reason}): give --data-dir a directory that you own.`,
      { cause },
    );
  }
}

function isDataDir(folder: string): boolean {
  const names = readdirSync(folder);
  const isStarted = names.includes("state.json") && ownFolders.some((name) => names.includes(name));
  return isStarted || names.every((name) => beforeFirstStart.has(name));
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
