import { mainOf, programs } from "./programs.ts";

// The image's entry point: runs the program it is told by name, in this process, so that signals reach it.
const [name = ""] = process.argv.slice(2);
const folder = programs[name];
if (folder === undefined) {
  const names = Object.keys(programs).join(", ");
  process.stderr.write(`Say which program is to run, one of: ${names}.\n`);
  process.exitCode = 1;
} else {
  // The program finds its own arguments where it expects them.
  process.argv.splice(2, 1);
  await import(new URL(`../../../${mainOf(folder)}`, import.meta.url).href);
}
