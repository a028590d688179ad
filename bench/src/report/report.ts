import type { Machine } from "../measure/machine.ts";
import type { Pair } from "../measure/run.ts";
import { cpuOf, failedOf, type Kind, ofTheLoad, type StepResult } from "../measure/step.ts";
import { ratioText, tableOf } from "./table.ts";

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

/** Everything that fits 100 columns, for a terminal. */
export function reportOf(results: Results): string {
  return [
    headOf(results),
    `Latency in ms from the scheduled start, beside a bare node:http server at the same rate.\n` +
      `P95x is ours to its. "others": cores that strangers' processes took meanwhile.`,
    latencyTable(results.pairs),
    `CPU per request in ms, at the highest rate that was kept up; idle in ms per second, when\n` +
      `nobody asks; memory in MiB after the load; seconds from start to ready, all at once.`,
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
  const heads = "what,asked/s,got/s,P50,P95,P99,failed,bare P50,P95,P99,P95x,CPU,bare,others".split(
    ",",
  );
  const rows = pairs.map(({ sluice, bare }) => [
    sluice.kind,
    sluice.askedPerSecond,
    Math.round(sluice.achievedPerSecond),
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

/** The highest rate at which nothing failed and at least 95 of 100 came in time; else the lowest. */
export function keptUp(pairs: readonly Pair[], kind: Kind): StepResult | undefined {
  const steps = pairs.map(({ sluice }) => sluice).filter((step) => step.kind === kind);
  const kept = steps.filter(
    (step) => failedOf(step) === 0 && step.achievedPerSecond >= 0.95 * step.askedPerSecond,
  );
  return kept.toSorted((a, b) => b.askedPerSecond - a.askedPerSecond)[0] ?? steps[0];
}

function processTable(results: Results): string {
  const { pairs, idleCpuMsPerSecond, residentMiB, startUpSeconds } = results;
  const hit = keptUp(pairs, "exact-hit");
  const miss = keptUp(pairs, "miss");
  const names = Object.keys({ ...residentMiB, generator: 0 });
  const rows = names.map((name) => [
    name,
    hit?.cpuMsPerRequest[name] ?? Number.NaN,
    miss?.cpuMsPerRequest[name] ?? Number.NaN,
    idleCpuMsPerSecond[name] ?? Number.NaN,
    Math.round(residentMiB[name] ?? Number.NaN),
    startUpSeconds[name] ?? Number.NaN,
  ]);
  const without = [...ofTheLoad].join(" and ");
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
    `hit at ${hit?.askedPerSecond ?? 0}/s`,
    `miss at ${miss?.askedPerSecond ?? 0}/s`,
    "idle",
    "memory",
    "start",
  ];
  return tableOf(heads, [...rows, sums]);
}

function sumOf(figures: Readonly<Record<string, number>>): number {
  return Object.entries(figures)
    .filter(([name]) => !ofTheLoad.has(name))
    .reduce((sum, [, figure]) => sum + figure, 0);
}

function percentiles({ latencyMs }: StepResult): readonly number[] {
  return [latencyMs.p50, latencyMs.p95, latencyMs.p99];
}

/** This tree against another commit: ratios below one are what became cheaper. */
export function comparisonTable(
  pairs: readonly { readonly here: StepResult; readonly there: StepResult }[],
): string {
  const heads = "what,asked/s,got/s,there,P50,there,ratio,P95,there,ratio,CPU,there,ratio".split(
    ",",
  );
  const rows = pairs.map(({ here, there }) => [
    here.kind,
    here.askedPerSecond,
    Math.round(here.achievedPerSecond),
    Math.round(there.achievedPerSecond),
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
