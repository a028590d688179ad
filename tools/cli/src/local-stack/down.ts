import {
  launcherOf,
  readStatus,
  secondsSince,
  signalProcess,
  stopLeftovers,
  waitForEnd,
} from "@sluice/local-stack";
import { printToStderr, print, printJson } from "../output.ts";

/** The launcher stops its programs within 8 s. After this limit we assume that it hangs, and kill it. */
const LAUNCHER_LIMIT_MS = 15_000;

export interface DownOptions {
  readonly dataDir: string;
  readonly json: boolean;
}

/** Runs `sluice down`: stops the launcher, and the processes that a killed launcher left running. */
export async function down({ dataDir, json }: DownOptions): Promise<number> {
  const startMs = Date.now();
  const launcher = launcherOf(dataDir);
  if (launcher) {
    signalProcess(launcher, "SIGTERM");
    if (!(await waitForEnd(launcher, LAUNCHER_LIMIT_MS))) signalProcess(launcher, "SIGKILL");
  }
  const leftovers = await stopLeftovers(dataDir);
  const wasRunning = launcher !== undefined || leftovers.length > 0;
  const { parts } = await readStatus(dataDir);
  const remaining = parts.flatMap(({ name, pid }) => (pid === null ? [] : [{ name, pid }]));
  if (json) printJson({ wasRunning, remaining });
  if (remaining.length > 0) {
    const names = remaining.map(({ name, pid }) => `${name} (${pid})`).join(", ");
    printToStderr(`Still running: ${names}. Stop these processes manually.\n`);
    return 1;
  }
  if (!json)
    print(wasRunning ? `Stopped after ${secondsSince(startMs)}.\n` : "Nothing was running.\n");
  return 0;
}
