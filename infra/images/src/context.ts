import { cpSync, type Dirent, readdirSync, readFileSync } from "node:fs";
import { join, matchesGlob, posix } from "node:path";

/**
 * Returns the files of the build context, relative to the root: all files that `.dockerignore` does not exclude.
 *
 * @throws Error for a pattern that includes a file again with `!`, which this function does not support.
 */
export function contextFiles(root: string): readonly string[] {
  const patterns = ignorePatterns(readFileSync(join(root, ".dockerignore"), "utf8"));
  const isIgnored = (path: string): boolean =>
    patterns.some((pattern) => matchesGlob(path, pattern));
  const filesIn = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry: Dirent) => {
      const path = posix.join(folder, entry.name);
      if (isIgnored(path)) return [];
      return entry.isDirectory() ? filesIn(path) : [path];
    });
  return filesIn("");
}

/**
 * Returns the patterns of a `.dockerignore`. A pattern that matches a folder excludes everything in it.
 *
 * @throws Error for a pattern that begins with `!`
 */
export function ignorePatterns(text: string): readonly string[] {
  const patterns = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const exception = patterns.find((pattern) => pattern.startsWith("!"));
  if (exception !== undefined)
    throw new Error(`.dockerignore includes files again, which is not supported: ${exception}`);
  return patterns;
}

/** Copies the build context into a folder. */
export function copyContext(root: string, target: string): void {
  for (const file of contextFiles(root)) cpSync(join(root, file), join(target, file));
}
