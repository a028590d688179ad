import { readFileSync } from "node:fs";
import {
  identityOf,
  isAlive,
  parentOf,
  type ProcessIdentity,
  StackFault,
} from "@sluice/local-stack";

const CHECK_INTERVAL_MS = 500;
/** At most npm, its shell and our wrapper are between the user's shell and this process. */
const ANCESTORS_MAX = 3;

/**
 * Returns a signal that aborts on Ctrl-C, on SIGTERM, when the terminal closes, and (if
 * `watchStarters`) when npm or the wrapper that started us ends, because it may end before it can pass
 * a signal on. Repeated signals are ignored, because one Ctrl-C can arrive from the terminal and from npm.
 */
export function listenForInterrupts(watchStarters: boolean): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => interrupt.abort());
  }
  if (watchStarters) {
    const starters = startersOf(process.env);
    const timer = setInterval(() => {
      if (!starters.every(isAlive)) interrupt.abort();
    }, CHECK_INTERVAL_MS);
    timer.unref();
  }
  return interrupt.signal;
}

/**
 * Returns the wrapper and, if npm started it, the processes up to npm. Leaves out the user's shell,
 * which the user may close while the stack keeps running.
 */
function startersOf(environment: NodeJS.ProcessEnv): readonly ProcessIdentity[] {
  const starters: ProcessIdentity[] = [];
  let pid: number | undefined = Number(environment["SLUICE_WRAPPER_PID"] ?? 0);
  for (let depth = 0; pid && depth < ANCESTORS_MAX; depth += 1) {
    const identity = identityOf(pid);
    if (identity) starters.push(identity);
    if (isNpm(pid)) return starters;
    pid = parentOf(pid);
  }
  return starters.slice(0, 1);
}

function isNpm(pid: number): boolean {
  try {
    return /\bnp[mx]\b/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "");
  } catch {
    return false;
  }
}

/** Waits for the signal. The timer keeps the process alive, which nothing else does if all parts are external. */
export async function untilInterrupted(signal: AbortSignal): Promise<void> {
  const keepAlive = setInterval(() => undefined, 60_000);
  await onceAborted(signal);
  clearInterval(keepAlive);
}

function onceAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits for work that cannot be interrupted, or until the signal aborts. @throws StackFault `STACK_INTERRUPTED` */
export async function orInterrupted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const interrupted = onceAborted(signal).then(() => {
    throw new StackFault("STACK_INTERRUPTED", "The start was interrupted.");
  });
  return Promise.race([work, interrupted]);
}
