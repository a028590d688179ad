import {
  launcherOf,
  readStatus,
  secondsSince,
  signalProcess,
  stopLeftovers,
  stopMsMaxOf,
  waitForEnd,
} from "@sluice/local-stack";
import { printToStderr, print, printJson } from "../output.ts";
import { WAITING_SHOWN_AFTER_MS, waitingForCalls } from "./waiting-for-calls.ts";

/** If the launcher needs this much longer than its programs may take to stop, we assume that it hangs, and kill it. */
const LAUNCHER_MARGIN_MS = 5_000;

export interface DownOptions {
  readonly dataDir: string;
  readonly json: boolean;
}

/** Runs `sluice down`: stops the launcher, and the processes that a killed launcher left running. */
export async function down({ dataDir, json }: DownOptions): Promise<number> {
  const startMs = Date.now();
  const launcher = launcherOf(dataDir);
  const reason = setTimeout(() => printToStderr(`${waitingForCalls}\n`), WAITING_SHOWN_AFTER_MS);
  if (launcher) {
    const limitMs = stopMsMaxOf(dataDir) + LAUNCHER_MARGIN_MS;
    signalProcess(launcher, "SIGTERM");
    if (!(await waitForEnd(launcher, limitMs))) signalProcess(launcher, "SIGKILL");
  }
  const leftovers = await stopLeftovers(dataDir).finally(() => clearTimeout(reason));
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
