import type { Machine } from "../measure/machine.ts";
import type { Pair } from "../measure/run.ts";
import {
  cpuOf,
  failedOf,
  type Kind,
  loadProcesses,
  type StepResult,
  unansweredShareOf,
} from "../measure/step.ts";
import { ratioText, tableOf } from "./table.ts";

/** The results of one run, as `--json` writes them. */
export interface Results {
  readonly commit: string;
  readonly at: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly secondsPerStep: number;
  readonly startUpSeconds: Readonly<Record<string, number>>;
  readonly residentMiB: Readonly<Record<string, number>>;
  readonly idleCpuMsPerSecond: Readonly<Record<string, number>>;
  readonly pairs: readonly Pair[];
}

/** Returns the report for a terminal of 100 columns. */
export function reportOf(results: Results): string {
  return [
    headOf(results),
    `Target and actual rate in requests per second. Latency in ms from the scheduled start, compared\n` +
      `with a bare node:http server at the same rate. P95x is Sluice's P95 divided by the bare server's.\n` +
      `CPU is in ms per request; "others" is the CPU of the machine's other processes, in cores.`,
    latencyTable(results.pairs),
    `P50 and P95 of the answered requests alone, in ms; the share of requests without an answer, and why;\n` +
      `and the calls that the provider received.`,
    overloadTable(results.pairs),
    `CPU per request in ms at the highest sustained rate; "idle" in ms per second without requests;\n` +
      `"memory" in MiB after the load; "start" in seconds until ready, all starting together.`,
    processTable(results),
  ].join("\n\n");
}

export function headOf({ commit, machine, rounds, secondsPerStep }: Results): string {
  const { cores, model, memoryGiB, node, loadAverage } = machine;
  return (
    `Sluice ${commit}, ${cores} cores (${model}), ${memoryGiB} GiB, Node ${node}, load ${loadAverage.join(" ")}\n` +
    `Generator, simulator, broker and stores share these cores. ${secondsPerStep} s per step, best of ${rounds}.`
  );
}

export function latencyTable(pairs: readonly Pair[]): string {
  const heads = "kind,target,actual,P50,P95,P99,failed,bare P50,P95,P99,P95x,CPU,bare,others".split(
    ",",
  );
  const rows = pairs.map(({ sluice, bare }) => [
    sluice.kind,
    sluice.targetPerSecond,
    Math.round(sluice.actualPerSecond),
    ...percentiles(sluice),
    failedOf(sluice),
    ...percentiles(bare),
    ratioText(sluice.latencyMs.p95, bare.latencyMs.p95),
    cpuOf(sluice),
    cpuOf(bare),
    sluice.otherProcessesCores,
  ]);
  return tableOf(heads, rows);
}

/** Returns what each step shed or failed, and the latency of the rest. */
export function overloadTable(pairs: readonly Pair[]): string {
  const heads = ["kind", "target", "P50", "P95", "unanswered", "why", "provider calls"];
  const rows = pairs.map(({ sluice: step }) => [
    step.kind,
    step.targetPerSecond,
    step.answeredMs.p50,
    step.answeredMs.p95,
    `${(100 * unansweredShareOf(step)).toFixed(1)} %`,
    Object.entries(step.failures)
      .map(([cause, count]) => `${cause}: ${count}`)
      .join(", "),
    step.providerCalls,
  ]);
  return tableOf(heads, rows);
}

/**
 * Returns the step with the highest rate at which nothing failed and at least 95 of 100 requests were answered
 * in time. If there is none, returns the first step.
 */
export function highestSustained(pairs: readonly Pair[], kind: Kind): StepResult | undefined {
  const steps = pairs.map(({ sluice }) => sluice).filter((step) => step.kind === kind);
  const kept = steps.filter(
    (step) => failedOf(step) === 0 && step.actualPerSecond >= 0.95 * step.targetPerSecond,
  );
  return kept.toSorted((a, b) => b.targetPerSecond - a.targetPerSecond)[0] ?? steps[0];
}

function processTable(results: Results): string {
  const { pairs, idleCpuMsPerSecond, residentMiB, startUpSeconds } = results;
  const hit = highestSustained(pairs, "exact-hit");
  const miss = highestSustained(pairs, "miss");
  const names = Object.keys({ ...residentMiB, generator: 0 });
  const rows = names.map((name) => [
    name,
    hit?.cpuMsPerRequest[name] ?? Number.NaN,
    miss?.cpuMsPerRequest[name] ?? Number.NaN,
    idleCpuMsPerSecond[name] ?? Number.NaN,
    Math.round(residentMiB[name] ?? Number.NaN),
    startUpSeconds[name] ?? Number.NaN,
  ]);
  const without = [...loadProcesses].join(" and ");
  const sums = [
    `without ${without}`,
    hit ? cpuOf(hit) : Number.NaN,
    miss ? cpuOf(miss) : Number.NaN,
    sumOf(idleCpuMsPerSecond),
    Math.round(sumOf(residentMiB)),
    Number.NaN,
  ];
  const heads = [
    "process",
    `hit at ${hit?.targetPerSecond ?? 0}/s`,
    `miss at ${miss?.targetPerSecond ?? 0}/s`,
    "idle",
    "memory",
    "start",
  ];
  return tableOf(heads, [...rows, sums]);
}

function sumOf(figures: Readonly<Record<string, number>>): number {
  return Object.entries(figures)
    .filter(([name]) => !loadProcesses.has(name))
    .reduce((sum, [, figure]) => sum + figure, 0);
}

function percentiles({ latencyMs }: StepResult): readonly number[] {
  return [latencyMs.p50, latencyMs.p95, latencyMs.p99];
}

/**
 * Returns the table that compares this tree with another commit. A ratio below one means that this tree is
 * better.
 */
export function comparisonTable(
  pairs: readonly { readonly here: StepResult; readonly there: StepResult }[],
): string {
  const heads = "kind,target,actual,other,P50,other,ratio,P95,other,ratio,CPU,other,ratio".split(
    ",",
  );
  const rows = pairs.map(({ here, there }) => [
    here.kind,
    here.targetPerSecond,
    Math.round(here.actualPerSecond),
    Math.round(there.actualPerSecond),
    here.latencyMs.p50,
    there.latencyMs.p50,
    ratioText(here.latencyMs.p50, there.latencyMs.p50),
    here.latencyMs.p95,
    there.latencyMs.p95,
    ratioText(here.latencyMs.p95, there.latencyMs.p95),
    cpuOf(here),
    cpuOf(there),
    ratioText(cpuOf(here), cpuOf(there)),
  ]);
  return tableOf(heads, rows);
}
