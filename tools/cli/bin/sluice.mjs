#!/usr/bin/env node
// The command `sluice`. It is committed as it is, because npm links a command only to a
// file that is there when it installs; it brings Node 24 and what is missing, builds what
// has changed, and hands over. Plain ES2020: it begins on whichever Node is there.
import { join } from "node:path";

// Part of no package, so that it can be there before any is installed.
const { prepare, root, run } = await import(new URL("../../bootstrap.mjs", import.meta.url).href);

await prepare();
// 2 s from nothing, 0.1 s when nothing has changed. Standard output belongs to the command.
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
