import { readFileSync } from "node:fs";
import {
  identityOf,
  isAlive,
  parentOf,
  type ProcessIdentity,
  StackFault,
} from "@sluice/local-stack";

const CHECK_INTERVAL_MS = 500;
/** npm, its shell, and our wrapper are the most that stand between a user and this process. */
const ANCESTORS_MAX = 3;

/**
 * What ends the foreground: Ctrl-C, SIGTERM, a closed terminal, or the end of npm or of the
 * wrapper that started us, which may have had no time to pass a signal on. Repeats are
 * ignored, as one Ctrl-C can arrive from the terminal and from npm.
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

/** The wrapper, and all up to npm if npm started it; not the shell of the user, who may leave it. */
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

/** Keeps the process from ending meanwhile: nothing else may, when all parts are external. */
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

/** Does not wait for what cannot be interrupted itself. */
export async function orInterrupted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const interrupted = onceAborted(signal).then(() => {
    throw new StackFault("STACK_INTERRUPTED", "Interrupted while starting.");
  });
  return Promise.race([work, interrupted]);
}
