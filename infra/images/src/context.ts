import { cpSync, type Dirent, readdirSync, readFileSync } from "node:fs";
import { join, matchesGlob, posix } from "node:path";

/**
 * The files that Docker would be sent, relative to the root: all but those that `.dockerignore` names.
 *
 * @throws Error for a pattern that takes something back in with `!`, which is not read here.
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

/** A pattern that matches a folder leaves out all that is in it. */
export function ignorePatterns(text: string): readonly string[] {
  const patterns = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const exception = patterns.find((pattern) => pattern.startsWith("!"));
  if (exception !== undefined) throw new Error(`.dockerignore takes back: ${exception}`);
  return patterns;
}

export function copyContext(root: string, target: string): void {
  for (const file of contextFiles(root)) cpSync(join(root, file), join(target, file));
}
