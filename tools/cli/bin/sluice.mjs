#!/usr/bin/env node
// The command `sluice`. It installs Node 24 and missing dependencies, builds what has changed, and
// starts the command. It is committed in this form and never built, because npm links a command only
// to a file that exists at installation. It is plain ES2020, because the user's Node may be older.
import { join } from "node:path";

// This file belongs to no package, so that it works before any package is installed.
const { prepare, root, run } = await import(new URL("../../bootstrap.mjs", import.meta.url).href);

await prepare();
// Takes 2 s from the start, and 0.1 s if nothing has changed. Standard output is reserved for the command.
const built = await run("tsc", ["--build", "tsconfig.solution.json"], {
  cwd: root,
  stdio: ["inherit", 2, 2],
});
if (built !== 0) {
  process.exitCode = built;
} else {
  const main = join(root, "tools", "cli", "dist", "main.js");
  process.exitCode = await run("node", ["--enable-source-maps", main, ...process.argv.slice(2)], {
    forwarded: ["SIGINT", "SIGTERM", "SIGHUP"],
    env: { ...process.env, SLUICE_WRAPPER_PID: String(process.pid) },
  });
}
