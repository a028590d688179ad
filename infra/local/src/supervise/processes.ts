import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCodeOf } from "../faults.ts";

/**
 * A process across restarts of the launcher. `born` is when it began, as the
 * system tells it: a pid alone may by now belong to a stranger, and signalling
 * that would end somebody else's work.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly born: string;
}

const POLL_INTERVAL_MS = 40;
const hasProcFs = existsSync("/proc/self/stat");
const bootId = hasProcFs ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8) : "";

/** When the process began; undefined when there is none, or when only its zombie is left. */
export function bornAt(pid: number): string | undefined {
  return hasProcFs ? bornAtByProcFs(pid) : bornAtByPs(pid);
}

function bornAtByProcFs(pid: number): string | undefined {
  try {
    // The command name is in parentheses and may itself contain some.
    const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
    const [state, ...fields] = afterName.split(" ");
    const startTicks = fields[18];
    return state === "Z" || state === "X" || startTicks === undefined
      ? undefined
      : `${bootId}:${startTicks}`;
  } catch {
    return undefined;
  }
}

/** Who started a process; undefined where the system does not tell without asking another program. */
export function parentOf(pid: number): number | undefined {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
    return Number(afterName.split(" ")[1]);
  } catch {
    return undefined;
  }
}

function bornAtByPs(pid: number): string | undefined {
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  const [, state, started] = /^(\S+)\s+(.+?)\s*$/m.exec(stdout ?? "") ?? [];
  return state === undefined || state.startsWith("Z") ? undefined : started;
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const born = bornAt(pid);
  return born === undefined ? undefined : { pid, born };
}

export function isAlive(identity: ProcessIdentity | undefined): identity is ProcessIdentity {
  return identity !== undefined && identity.pid > 0 && bornAt(identity.pid) === identity.born;
}

/** Sends nothing when the pid has passed to another process. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    // Ended between the look and the signal.
    if (errorCodeOf(error) !== "ESRCH") throw error;
  }
}

/** Whether it ended within the time. */
export async function waitForEnd(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await sleep(POLL_INTERVAL_MS);
  }
  return true;
}

/** Asks, waits, then forces: when this returns, the process is gone. */
export async function stopProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  signalProcess(identity, signal);
  if (await waitForEnd(identity, graceMs)) return;
  signalProcess(identity, "SIGKILL");
  await waitForEnd(identity, graceMs);
}
