import { spawn } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { launcherOf, makeDataDir, makeWritable, readStatus } from "@sluice/local-stack";
import { listenForInterrupts } from "./interrupts.ts";
import { printToStderr, print, printJson, type WriteText } from "../output.ts";
import { readyText } from "./ready-text.ts";

export interface DetachedOptions {
  readonly dataDir: string;
  readonly freePorts: boolean;
  readonly partsOnly: boolean;
  /** Whether Kafka and the registry require accounts. If not set, they do if an earlier start set it. */
  readonly accounts: boolean;
  readonly demo: boolean;
  readonly json: boolean;
}

const POLL_MS = 100;
const COPY_BYTES = 64 * 1024;

/** Starts a launcher in the background, copies its output until the stack is ready, and returns the exit code. */
export async function upDetached(options: DetachedOptions): Promise<number> {
  const write = options.json ? printToStderr : print;
  if (launcherOf(options.dataDir)) return alreadyRunning(options, write);
  const logFile = openLauncherLog(options.dataDir);
  const interrupted = listenForInterrupts(false);
  const log = openSync(logFile, "w");
  const child = spawn(process.execPath, launcherArguments(options), {
    env: { ...process.env, SLUICE_DETACHED: "1" },
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const exitCodes: number[] = [];
  child.once("exit", (code) => exitCodes.push(code ?? 1));
  interrupted.addEventListener("abort", () => child.kill("SIGTERM"));

  const reader = openSync(logFile, "r");
  try {
    // Once the stack is ready, this process may end; the launcher continues without it.
    while (exitCodes.length === 0 && !(await isReady(options.dataDir))) {
      await sleep(POLL_MS);
      copyNew(reader, write);
    }
  } finally {
    await sleep(POLL_MS);
    copyNew(reader, write);
    closeSync(reader);
  }
  child.unref();
  const [exitCode] = exitCodes;
  if (exitCode !== undefined) return exitCode;
  if (options.json) printJson(await readStatus(options.dataDir));
  write(
    `\nThe stack keeps running in the background, and its log is ${logFile}\n` +
      'Check it with "sluice status", and stop it with "sluice down".\n',
  );
  return 0;
}

async function alreadyRunning(
  { dataDir, json, accounts }: DetachedOptions,
  write: WriteText,
): Promise<number> {
  const status = await readStatus(dataDir);
  if (accounts && status.ready && !status.accounts) {
    printToStderr(
      `The stack in ${dataDir} is running without accounts. Run "sluice down" first, and then "sluice up --accounts".\n`,
    );
    return 1;
  }
  if (json) printJson(status);
  write(status.ready ? readyText(status, "The stack was already running.") : "");
  if (status.ready) return 0;
  printToStderr(
    `Another launcher is starting or stopping the stack in ${dataDir}. Check it with "sluice status".\n`,
  );
  return 1;
}

function launcherArguments(options: DetachedOptions): string[] {
  const { dataDir, freePorts, partsOnly, accounts, demo } = options;
  return [
    ...process.execArgv,
    process.argv[1] ?? "",
    "up",
    "--data-dir",
    dataDir,
    ...(freePorts ? ["--free-ports"] : []),
    ...(accounts ? ["--accounts"] : []),
    ...(partsOnly ? ["--parts-only"] : []),
    ...(demo ? [] : ["--no-demo"]),
  ];
}

function openLauncherLog(dataDir: string): string {
  const folder = join(dataDir, "logs");
  makeDataDir(dataDir);
  makeWritable(folder, "give --data-dir a directory you can write to");
  return join(folder, "launcher.log");
}

async function isReady(dataDir: string): Promise<boolean> {
  return launcherOf(dataDir) !== undefined && (await readStatus(dataDir)).ready;
}

function copyNew(reader: number, write: WriteText): void {
  const buffer = Buffer.alloc(COPY_BYTES);
  for (;;) {
    const count = readSync(reader, buffer, 0, COPY_BYTES, null);
    if (count === 0) return;
    write(buffer.subarray(0, count));
  }
}
