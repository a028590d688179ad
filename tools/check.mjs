// Runs all checks of the repository, the fastest first:
//
//   npm run check    format, lint, types, build, unit tests
//   npm test         the same, and every suite that needs a running stack
//
// Nx runs and caches the checks that depend on sources only. One Vitest runs the tests outside of Nx, so that
// no cached result hides a change.
import { spawnSync } from "node:child_process";

const withStack = process.argv.includes("--with-stack");

run("oxfmt", ["--check"]);
run("nx", ["run-many", "-t", "lint", "typecheck", "--output-style=static"]);
// One compiler builds all packages and decides from its own state which are out of date. Nx does not cache
// the build: the compiler would treat any output that Nx restores as current, because it is newer than every source.
run("tsc", ["--build", "tsconfig.solution.json"]);
run("vitest", ["run", ...(withStack ? [] : ["--project", "unit"])]);

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(status ?? 1);
}
