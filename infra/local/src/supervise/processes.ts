import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCodeOf } from "../faults.ts";

/**
 * Identifies a process across restarts of the launcher. `born` is its start time as the system reports
 * it. A pid alone is not enough: the system may have assigned it to another process since, and a signal
 * would then end that unrelated process.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly born: string;
}

const POLL_INTERVAL_MS = 40;
const hasProcFs = existsSync("/proc/self/stat");
const bootId = hasProcFs ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8) : "";

/** Returns the start time of a process, or undefined if there is no such process or only its zombie. */
export function bornAt(pid: number): string | undefined {
  return hasProcFs ? bornAtByProcFs(pid) : bornAtByPs(pid);
}

function bornAtByProcFs(pid: number): string | undefined {
  try {
    // The command's name is in parentheses and can itself contain parentheses.
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

/** Returns the pid of the parent process, or undefined if the system has no /proc. */
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

/** Returns the identity of the process that has this pid now. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const born = bornAt(pid);
  return born === undefined ? undefined : { pid, born };
}

/**
 * Returns the process and all processes that it started, directly or not. Without /proc, returns the process
 * only. A server such as PostgreSQL works in child processes, which a signal to their parent does not reach.
 */
export function withDescendants(identity: ProcessIdentity): readonly ProcessIdentity[] {
  if (!hasProcFs || !isAlive(identity)) return [identity];
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  const children = Map.groupBy(pids, parentOf);
  const family = [identity.pid];
  for (const pid of family) family.push(...(children.get(pid) ?? []));
  return family.flatMap((pid) => identityOf(pid) ?? []);
}

/** Returns whether this very process is running, and not another one with the same pid. */
export function isAlive(identity: ProcessIdentity | undefined): identity is ProcessIdentity {
  return identity !== undefined && identity.pid > 0 && bornAt(identity.pid) === identity.born;
}

/** Sends the signal, unless the process has exited or its pid belongs to another process. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    // The process exited between the check and the signal.
    if (errorCodeOf(error) !== "ESRCH") throw error;
  }
}

/** Waits until the process exits. Returns false if it is still running after the limit. */
export async function waitForEnd(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await sleep(POLL_INTERVAL_MS);
  }
  return true;
}

/**
 * Sends the signal, waits for `graceMs`, and then kills the process if it is still running. The process
 * has exited when this returns.
 */
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
