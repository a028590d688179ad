import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { findFreePorts } from "../ports.ts";
import { isAnswering } from "../services.ts";
import { endIfSilent } from "./health.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./processes.ts";

let child: ChildProcess | undefined;
afterEach(() => void child?.kill("SIGKILL"));

interface Watched {
  readonly address: string;
  readonly identity: ProcessIdentity;
  readonly ended: Promise<unknown>;
}

/** Starts a server that hangs for `ms` when it is asked to, and needs one more second to stop. */
async function started(): Promise<Watched> {
  const [port = 0] = await findFreePorts(1);
  const script = `
    const server = require("node:http").createServer(({ url }, answer) => {
      const until = Date.now() + Number(new URL(url, "http://x").searchParams.get("ms"));
      while (Date.now() < until);
      answer.end();
    });
    process.on("SIGTERM", () => {
      server.close();
      setTimeout(() => process.exit(7), 1_000);
    });
    server.listen(${port}, "127.0.0.1");`;
  child = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
  const ended = once(child, "exit");
  const address = `http://127.0.0.1:${port}`;
  while (!(await isAnswering(address))) await sleep(20);
  return { address, identity: identityOf(child.pid ?? 0)!, ended };
}

async function hang(address: string, ms: number): Promise<void> {
  const signal = AbortSignal.timeout(200);
  await fetch(`${address}/?ms=${ms}`, { signal }).catch(() => undefined);
}

/** Watches it with one check, which waits a second for an answer. Returns what was reported. */
async function watch({ address, identity }: Watched, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  const program = { name: "server", healthUrl: address, stopGraceMs: 10_000 } as const;
  const checks = { intervalMs: 50, answerMs: 1_000, silentMax: 1 };
  const report = (_name: string, text: string) => lines.push(text);
  await endIfSilent({ ...program, stopSignal: "SIGTERM" }, identity, checks, report, signal);
  return lines;
}

const never = new AbortController().signal;

test("a process that hangs is killed at once", async () => {
  const watched = await started();
  await hang(watched.address, 60_000);
  expect(await watch(watched, never)).toEqual([expect.stringContaining("did not answer")]);
  expect(await watched.ended).toEqual([null, "SIGKILL"]);
});

test("a process that answers again while it is stopped has its own time to stop", async () => {
  const watched = await started();
  await hang(watched.address, 1_700);
  await watch(watched, never);
  expect(await watched.ended).toEqual([7, null]);
});

test("a process that the supervisor stops during a check is left to it", async () => {
  const watched = await started();
  await hang(watched.address, 60_000);
  expect(await watch(watched, AbortSignal.timeout(500))).toEqual([]);
  expect(isAlive(watched.identity)).toBe(true);
});
