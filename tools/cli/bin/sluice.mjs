#!/usr/bin/env node
// The command `sluice`. It is committed as it is, because npm links a command only to a
// file that is there when it installs; it brings Node 24 and what is missing, builds what
// has changed, and hands over. Plain ES2020: it begins on whichever Node is there.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildIfChanged } from "./build.mjs";

// Part of no package, so that it can be there before any is installed.
const { prepare, root, run } = await import(new URL("../../bootstrap.mjs", import.meta.url).href);
const main = join(root, "tools", "cli", "dist", "main.js");

await prepare();
const status = await buildIfChanged();
if (status !== 0 || !existsSync(main)) {
  process.exitCode = status || 1;
} else {
  process.exitCode = await run("node", ["--enable-source-maps", main, ...process.argv.slice(2)], {
    forwarded: ["SIGINT", "SIGTERM", "SIGHUP"],
    env: { ...process.env, SLUICE_WRAPPER_PID: String(process.pid) },
  });
}
