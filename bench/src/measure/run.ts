import type { Child } from "../child.ts";
import { scheduleOf } from "../load/schedule.ts";
import type { MeasuredPipeline } from "./measured-pipeline.ts";
import { bestOf, type Kind, type StepResult } from "./step.ts";

/** The rates to measure. */
export interface Plan {
  readonly hitRates: readonly number[];
  readonly missRates: readonly number[];
  readonly secondsPerStep: number;
  /** How often each step is measured. The least disturbed round is kept. */
  readonly rounds: number;
  /** The most connections at once. */
  readonly connectionsMax: number;
}

/** A step of the pipeline, and the same step of the bare server. */
export interface Pair {
  readonly sluice: StepResult;
  readonly bare: StepResult;
}

/** The running bare server. */
export interface Bare {
  readonly child: Child;
  readonly port: number;
}

/** Returns the steps of a plan: first all rates of hits, then all rates of misses. */
export function stepsOf({ hitRates, missRates }: Plan): readonly { kind: Kind; rate: number }[] {
  return [
    ...hitRates.map((rate) => ({ kind: "exact-hit" as const, rate })),
    ...missRates.map((rate) => ({ kind: "miss" as const, rate })),
  ];
}

/** Measures each step of the plan on the pipeline, and right after it on the bare server. */
export async function runPlan(
  plan: Plan,
  pipeline: MeasuredPipeline,
  bare: Bare,
  reportProgress: (text: string) => void,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (const { kind, rate } of stepsOf(plan)) {
    reportProgress(`${kind} ${rate}/s`);
    // oxlint-disable-next-line no-await-in-loop -- steps share the cores, so they run one at a time
    pairs.push(await pairOf(plan, { kind, rate }, pipeline, bare));
  }
  return pairs;
}

async function pairOf(
  { secondsPerStep, rounds, connectionsMax }: Plan,
  { kind, rate }: { readonly kind: Kind; readonly rate: number },
  pipeline: MeasuredPipeline,
  bare: Bare,
): Promise<Pair> {
  const schedule = scheduleOf(rate, secondsPerStep);
  const ours: StepResult[] = [];
  const theirs: StepResult[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    const { step, sample } = await pipeline.measure(kind, schedule, connectionsMax);
    ours.push(step);
    if (!sample)
      throw new Error(`No request was answered at ${rate}/s. The step: ${JSON.stringify(step)}`);
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    theirs.push(await pipeline.measureBare(kind, schedule, bare, sample, connectionsMax));
  }
  return { sluice: bestOf(ours), bare: bestOf(theirs) };
}
