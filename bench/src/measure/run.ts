import type { Child } from "../child.ts";
import { scheduleOf } from "../load/schedule.ts";
import type { MeasuredPipeline } from "./measured-pipeline.ts";
import { bestOf, type Kind, type StepResult } from "./step.ts";

export interface Plan {
  readonly hitRates: readonly number[];
  readonly missRates: readonly number[];
  readonly secondsPerStep: number;
  /** Each step is measured as often, and the least disturbed round is kept. */
  readonly rounds: number;
}

/** A step of the pipeline, beside the bare server at the same rate. */
export interface Pair {
  readonly sluice: StepResult;
  readonly bare: StepResult;
}

export interface Bare {
  readonly child: Child;
  readonly port: number;
}

export function stepsOf({ hitRates, missRates }: Plan): readonly { kind: Kind; rate: number }[] {
  return [
    ...hitRates.map((rate) => ({ kind: "exact-hit" as const, rate })),
    ...missRates.map((rate) => ({ kind: "miss" as const, rate })),
  ];
}

/** Rising rates, the bare server right after each. */
export async function runPlan(
  plan: Plan,
  pipeline: MeasuredPipeline,
  bare: Bare,
  tell: (text: string) => void,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (const { kind, rate } of stepsOf(plan)) {
    tell(`${kind} ${rate}/s`);
    // One step at a time: they share the cores.
    // oxlint-disable-next-line no-await-in-loop -- as above
    pairs.push(await pairOf(plan, { kind, rate }, pipeline, bare));
  }
  return pairs;
}

async function pairOf(
  { secondsPerStep, rounds }: Plan,
  { kind, rate }: { readonly kind: Kind; readonly rate: number },
  pipeline: MeasuredPipeline,
  bare: Bare,
): Promise<Pair> {
  const schedule = scheduleOf(rate, secondsPerStep);
  const ours: StepResult[] = [];
  const theirs: StepResult[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    const { step, sample } = await pipeline.measure(kind, schedule);
    ours.push(step);
    if (!sample) throw new Error(`Nothing was answered at ${rate}/s: ${JSON.stringify(step)}`);
    // oxlint-disable-next-line no-await-in-loop -- one at a time
    theirs.push(await pipeline.measureBare(kind, schedule, bare, sample));
  }
  return { sluice: bestOf(ours), bare: bestOf(theirs) };
}
