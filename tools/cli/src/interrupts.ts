import { StackFault } from "@sluice/local-stack";

const PARENT_CHECK_MS = 500;

/**
 * What ends the foreground: Ctrl-C, SIGTERM, a closed terminal, or the end of the process
 * that started us (npm, npx), which could not pass a signal on. Repeats are ignored, as
 * one Ctrl-C can arrive from the terminal and from npm.
 */
export function listenForInterrupts(watchParent: boolean): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => interrupt.abort());
  }
  if (watchParent) {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid !== parent) interrupt.abort();
    }, PARENT_CHECK_MS);
    timer.unref();
  }
  return interrupt.signal;
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
