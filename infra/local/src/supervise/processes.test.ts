import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { identityOf, withDescendants } from "./processes.ts";

/** A process that starts a child process, and ends when its standard input is closed. */
const parent = `
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  process.stdout.write(String(child.pid));
  process.stdin.resume().once("end", () => child.stdin.end());
`;

test.runIf(existsSync("/proc/self/stat"))(
  "the descendants of a process are found, and other processes are not",
  async () => {
    const started = spawn(process.execPath, ["-e", parent], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(started, "exit");
    const [childPid] = await once(started.stdout, "data");
    const identity = identityOf(started.pid ?? 0);
    expect(identity).toBeDefined();
    const family = withDescendants(identity!);
    started.stdin.end();
    await ended;

    expect(family.map(({ pid }) => pid)).toEqual([started.pid, Number(childPid)]);
    expect(withDescendants(identity!)).toEqual([identity]);
  },
);
