import { setTimeout as sleep } from "node:timers/promises";
import {
  isAlive,
  type ProcessIdentity,
  signalProcess,
  stopProcess,
  waitForEnd,
} from "./processes.ts";
import type { Program, Report } from "./program.ts";

/** How often the health of a process is checked. */
export interface HealthChecks {
  readonly intervalMs: number;
  /** How long a process may take to answer. */
  readonly answerMs: number;
  /** After so many checks in a row without an answer, the process is ended. */
  readonly silentMax: number;
}

/**
 * A process that was frozen for 20 s continues. Checks are counted and not seconds, because after a
 * machine has slept every process was silent for hours.
 */
export const healthChecks: HealthChecks = { intervalMs: 5_000, answerMs: 2_000, silentMax: 6 };

type WatchedProgram = Pick<Program, "name" | "healthUrl" | "stopSignal" | "stopGraceMs">;

/**
 * Ends a process that accepts connections and answers none, so that the supervisor starts it again. A process that
 * refuses connections is not ended: an adapter that stops finishes its calls, which are paid.
 */
export async function endIfSilent(
  { name, healthUrl, stopSignal, stopGraceMs }: WatchedProgram,
  identity: ProcessIdentity,
  { intervalMs, answerMs, silentMax }: HealthChecks,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  if (healthUrl === undefined) return;
  let silent = 0;
  while (silent < silentMax) {
    // oxlint-disable-next-line no-await-in-loop -- one check follows another
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted || !isAlive(identity)) return;
    // oxlint-disable-next-line no-await-in-loop -- one check follows another
    silent = (await isSilent(healthUrl, answerMs)) ? silent + 1 : 0;
  }
  if (signal.aborted) return;
  report(name, `did not answer ${silentMax} health checks in a row; ending it`);
  signalProcess(identity, stopSignal);
  // One that has begun to answer, or to refuse connections, is stopping in order, and gets its own time.
  const isStopping = !(await isSilent(healthUrl, answerMs));
  if (isStopping && (await waitForEnd(identity, stopGraceMs))) return;
  if (!signal.aborted) await stopProcess(identity, "SIGKILL", stopGraceMs);
}

/** Returns whether the address accepts a connection and does not answer. Any status is an answer. */
async function isSilent(url: string, answerMs: number): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) });
    await response.arrayBuffer();
    return false;
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError";
  }
}
