import { mainOf, programs } from "./programs.ts";

// The image's entry point. Runs the program that its first argument names in this process, so that signals
// of the container reach the program.
const [name = ""] = process.argv.slice(2);
const folder = programs[name];
if (folder === undefined) {
  const names = Object.keys(programs).join(", ");
  const problem = name === "" ? "No program is named" : `"${name}" is not a program of this image`;
  process.stderr.write(`${problem}. Name one of: ${names}.\n`);
  process.exitCode = 1;
} else {
  // Removes the name, so that the program finds its own arguments at the usual position.
  process.argv.splice(2, 1);
  await import(new URL(`../../../${mainOf(folder)}`, import.meta.url).href);
}
