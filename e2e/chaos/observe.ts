import { setTimeout as sleep } from "node:timers/promises";
import type { ConsumerGroups, Pipeline } from "@sluice/testing";
import type { RequestRecord } from "../load/steady-load.ts";
import { endedTargetsOf, type Step, targetsOf } from "./plan.ts";
import type { GroupObservation, StepObservation } from "./verdict.ts";

/** A target that is not ready within this time did not come back. */
const backMsMax = 60_000;
/** The observation lasts longer than the session of a group member, so that it sees a group lose its members. */
const observedMs = { min: 10_000, max: 45_000 } as const;
const pollMs = 250;
const groupPollMs = 1_000;

export interface Observed {
  readonly pipeline: Pipeline;
  readonly groups: ConsumerGroups;
  readonly requests: () => readonly RequestRecord[];
}

/**
 * Waits until the processes that a step ended are replaced and ready. A frozen process is back when it
 * continues. Returns those that are not ready within the limit.
 */
export async function untilBack(pipeline: Pipeline, step: Step): Promise<readonly string[]> {
  const targets = new Set(endedTargetsOf(step));
  const deadline = Date.now() + backMsMax;
  for (;;) {
    const missing = (await notReadyIn(pipeline)).filter((name) => targets.has(name));
    if (missing.length === 0 || Date.now() > deadline) return missing;
    await sleep(pollMs);
  }
}

type Recovery = Pick<
  StepObservation,
  | "openAtReturn"
  | "answeredSeconds"
  | "unanswered"
  | "groupsSeconds"
  | "brokenGroups"
  | "readySeconds"
  | "notReady"
>;

/** Observes the recovery after the targets are back, until everything has recovered or the limit is reached. */
export async function observeRecovery(observed: Observed): Promise<Recovery> {
  const { pipeline, groups, requests } = observed;
  const returnedAt = Date.now();
  const waiting = requests().filter(({ endedAt }) => endedAt === null);
  const [answered, assigned, ready] = await Promise.all([
    steadily(returnedAt, { minMs: 0, everyMs: pollMs }, async () =>
      waiting.filter(({ endedAt }) => endedAt === null).map(({ key }) => key),
    ),
    steadily(returnedAt, { minMs: observedMs.min, everyMs: groupPollMs }, () =>
      brokenGroups(groups),
    ),
    steadily(returnedAt, { minMs: 0, everyMs: pollMs }, () => notReadyIn(pipeline)),
  ]);
  const ends = waiting.flatMap(({ endedAt }) => endedAt ?? []);
  return {
    openAtReturn: waiting.length,
    answeredSeconds: Math.max(0, ...ends.map((endedAt) => (endedAt - returnedAt) / 1_000)),
    unanswered: answered.left,
    groupsSeconds: assigned.seconds,
    brokenGroups: assigned.left,
    readySeconds: ready.seconds,
    notReady: ready.left,
  };
}

interface Steady<T> {
  /** From the return until the list was empty and stayed empty; the whole observation if it never was. */
  readonly seconds: number;
  /** What was left at the end. */
  readonly left: readonly T[];
}

/** Polls a list until it is empty, at least for `minMs`. */
async function steadily<T>(
  returnedAt: number,
  { minMs, everyMs }: { readonly minMs: number; readonly everyMs: number },
  list: () => Promise<readonly T[]>,
): Promise<Steady<T>> {
  let emptySince: number | undefined = returnedAt;
  for (;;) {
    const left = await list();
    const now = Date.now();
    emptySince = left.length > 0 ? undefined : (emptySince ?? now);
    const elapsedMs = now - returnedAt;
    const isOver = emptySince !== undefined && elapsedMs >= minMs;
    if (isOver || elapsedMs >= observedMs.max)
      return { seconds: ((emptySince ?? now) - returnedAt) / 1_000, left };
    await sleep(everyMs);
  }
}

async function brokenGroups(groups: ConsumerGroups): Promise<readonly GroupObservation[]> {
  try {
    return (await groups.states()).filter(({ unread }) => unread.length > 0);
  } catch (error) {
    const state = `unknown (${error instanceof Error ? error.message : String(error)})`;
    return [{ group: "of each service", topic: "its topic", state, unread: [], lagMessages: 0 }];
  }
}

async function notReadyIn(pipeline: Pipeline): Promise<readonly string[]> {
  const { parts } = await pipeline.status();
  return parts.filter(({ ready }) => !ready).map(({ name }) => name);
}

/** Returns the ends of processes that the supervisor reported and that the step did not disturb. */
export function otherExitsIn(lines: readonly string[], step: Step): readonly string[] {
  const targets = new Set(targetsOf(step));
  return lines.flatMap((line) => {
    const [, name = "", end = ""] = /^(\S+): ended with (.+?); starting it again/.exec(line) ?? [];
    return name === "" || targets.has(name) ? [] : [`${name} (${end})`];
  });
}
