// Everything that says whether this tree is sound, in the order of what fails fastest:
//
//   npm run check    format, lint, types, build, unit tests
//   npm test         the same, and every suite that needs the running stack
//
// Nx runs (and caches) what depends on sources alone. The tests are run by one
// Vitest outside of Nx, so that no cached pass hides a change.
import { spawnSync } from "node:child_process";

const withStack = process.argv.includes("--with-stack");

run("oxfmt", ["--check"]);
run("nx", ["run-many", "-t", "lint", "typecheck", "--output-style=static"]);
// One compiler for all packages, whose own state says what is stale. Nx does not cache it: an output
// that Nx restores is newer than every source, and the compiler would then take it for current.
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
