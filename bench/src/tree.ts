import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const repositoryRoot = dirname(dirname(import.meta.dirname));

/** Returns the short commit id of this tree, followed by "and changes" if tracked files differ from it. */
export function describeTree(): string {
  const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
  return `${git("rev-parse", "--short=10", "HEAD")}${changed ? " and changes" : ""}`;
}

/** Builds all packages of a working tree. */
export function build(tree: string): void {
  run(tree, "tsc", "--build", "tsconfig.solution.json");
}

/**
 * Checks out another commit into its own working tree and builds it. It uses the packages that are
 * installed here if the commit's lock file names the same ones, and installs its own otherwise.
 *
 * @returns the folder, and a function that removes it
 */
export function checkOut(commit: string): { readonly tree: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const tree = join(folder, "tree");
  git("worktree", "add", "--detach", "--quiet", tree, commit);
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    git("worktree", "prune");
  };
  try {
    if (packagesIn(tree) === packagesIn(repositoryRoot)) linkPackages(tree);
    else run(tree, "npm", "ci", "--silent");
    build(tree);
    return { tree, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly version?: string; readonly link?: boolean; readonly resolved?: string }
    >
  >;
}

function lockOf(tree: string): Lock {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by npm
  return JSON.parse(readFileSync(join(tree, "package-lock.json"), "utf8")) as Lock;
}

/** Returns the external packages of a lock file as one text, for a comparison. */
function packagesIn(tree: string): string {
  const installed = Object.entries(lockOf(tree).packages).filter(
    ([path, { link }]) => path.includes("node_modules/") && link !== true,
  );
  return JSON.stringify(installed.map(([path, { version }]) => [path, version]));
}

/** Links the packages of the workspace to the tree itself, and all other packages to those installed here. */
function linkPackages(tree: string): void {
  const from = join(repositoryRoot, "node_modules");
  const into = join(tree, "node_modules");
  mkdirSync(into);
  for (const name of readdirSync(from))
    if (name !== ownScope) symlinkSync(join(from, name), join(into, name));
  mkdirSync(join(into, ownScope));
  for (const [path, { link, resolved = "" }] of Object.entries(lockOf(tree).packages))
    if (link === true) symlinkSync(join(tree, resolved), join(tree, path));
  for (const folder of nestedFolders(tree)) {
    const nested = join(repositoryRoot, folder, "node_modules");
    if (existsSync(nested)) symlinkSync(nested, join(tree, folder, "node_modules"));
  }
}

const ownScope = "@sluice";

function nestedFolders(tree: string): readonly string[] {
  return ["libs", "services", "tools", "infra"].flatMap((parent) =>
    readdirSync(join(tree, parent))
      .map((name) => join(parent, name))
      .filter((folder) => lstatSync(join(tree, folder)).isDirectory()),
  );
}

function run(tree: string, command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { cwd: tree, stdio: ["ignore", 2, 2] });
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: repositoryRoot, encoding: "utf8" }).trim();
}
