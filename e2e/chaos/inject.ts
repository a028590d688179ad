import { setTimeout as sleep } from "node:timers/promises";
import type { Pipeline } from "@sluice/testing";
import type { Fault, Step } from "./plan.ts";

/** How long a stopping process may take to exit. The adapter waits for its provider calls. */
const stopMsMax = 60_000;
/** How long a fault waits for a process that an earlier fault of the pair has just ended. */
const absentMsMax = 20_000;
const pollMs = 50;

/** Carries out the step. Resolves when both faults have ended: the process has exited, or continues. */
export async function inject(pipeline: Pipeline, { first, second }: Step): Promise<void> {
  const later = async (): Promise<void> => {
    if (!second) return;
    await sleep(second.afterSeconds * 1_000);
    await injectFault(pipeline, second.fault);
  };
  await Promise.all([injectFault(pipeline, first), later()]);
}

async function injectFault(pipeline: Pipeline, { target, action }: Fault): Promise<void> {
  await untilRunning(pipeline, target);
  switch (action.kind) {
    case "kill":
      return pipeline.kill(target);
    case "restart":
      if (!(await pipeline.signalStop(target, stopMsMax))) await pipeline.kill(target);
      return;
    case "freeze":
      return pipeline.freeze(target, action.seconds * 1_000);
    default:
      return action satisfies never;
  }
}

async function untilRunning(pipeline: Pipeline, target: string): Promise<void> {
  const deadline = Date.now() + absentMsMax;
  while (!(await isRunning(pipeline, target))) {
    if (Date.now() > deadline) return;
    await sleep(pollMs);
  }
}

async function isRunning(pipeline: Pipeline, target: string): Promise<boolean> {
  const { parts } = await pipeline.status();
  return parts.some(({ name, pid }) => name === target && pid !== null);
}
