import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/** Paths here are relative to the root of the repository, with slashes. */
export const root = dirname(import.meta.dirname);

/** What is tracked, and what would be with the next `git add`. */
export const files: readonly string[] = [
  ...new Set(git("ls-files", "--cached", "--others", "--exclude-standard")),
]
  .filter((file) => existsSync(join(root, file)))
  .toSorted();

export function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

export const sources = files.filter((file) => /\.(?:ts|mjs)$/.test(file));
export const generated = sources.filter((file) => file.includes("/generated/"));
export const documents = files.filter((file) => file.endsWith(".md"));

/** What a user runs: no test, and nothing that only tests use. */
export const shipped = sources.filter(
  (file) => file.includes("/src/") && !/\.(?:test|contract|fixture)\.ts$/.test(file),
);

export interface Manifest {
  readonly name: string;
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  /** By entry point, then by condition. */
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly nx?: { readonly tags?: readonly string[] };
}

export interface Package {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Every workspace. `tools/node` only pins a version of Node, and holds nothing. */
export const packages: readonly Package[] = files
  .filter((file) => posix.basename(file) === "package.json" && file.includes("/"))
  .map((file) => posix.dirname(file))
  .filter((folder) => folder !== "tools/node")
  .map((folder) => ({ folder, manifest: manifestIn(folder) }));

export const services = packages
  .map(({ folder }) => folder)
  .filter((folder) => folder.startsWith("services/"));

export function manifestIn(folder: string): Manifest {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm has read it before us
  return JSON.parse(read(posix.join(folder, "package.json"))) as Manifest;
}

/** The files that a source names, in an import or in a string: relative to itself, or to the root. */
export function namedBy(file: string): readonly string[] {
  const named = [...read(file).matchAll(/["'`]([\w./-]+\.(?:ts|mjs|js))["'`]/g)];
  return named.map(([, name = ""]) => {
    const path = name.startsWith(".") ? posix.join(posix.dirname(file), name) : name;
    return path.replace(/\.js$/, ".ts");
  });
}

/** All that can be reached from the given files, themselves included. */
export function reachableFrom(entries: readonly string[]): ReadonlySet<string> {
  const known = new Set(sources);
  const reached = new Set<string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file) || !known.has(file)) continue;
    reached.add(file);
    waiting.push(...namedBy(file));
  }
  return reached;
}

function git(...args: readonly string[]): string[] {
  return execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
    .split("\n")
    .filter((line) => line !== "");
}
