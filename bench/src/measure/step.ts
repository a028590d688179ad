import type { Percentiles } from "./percentiles.ts";

export type Kind = "exact-hit" | "miss";

/** One rate, for a few seconds, against one server. */
export interface StepResult {
  readonly kind: Kind;
  readonly askedPerSecond: number;
  readonly achievedPerSecond: number;
  readonly latencyMs: Percentiles;
  readonly failures: Readonly<Record<string, number>>;
  /** CPU per request that was answered, by process, in ms. */
  readonly cpuMsPerRequest: Readonly<Record<string, number>>;
  /** CPU that processes took which are not the bench's, in cores. */
  readonly otherProcessesCores: number;
}

/** The round that was disturbed least: on shared cores the others measure the neighbours. */
export function bestOf(rounds: readonly StepResult[]): StepResult {
  const [best] = rounds.toSorted(
    (a, b) => failedOf(a) - failedOf(b) || compare(a.latencyMs.p95, b.latencyMs.p95),
  );
  if (!best) throw new Error("There is no round to choose from.");
  return best;
}

export function failedOf({ failures }: StepResult): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** All processes but the load's own: services, parts and stores, or the bare server. */
export function cpuOf({ cpuMsPerRequest }: StepResult): number {
  return Object.entries(cpuMsPerRequest)
    .filter(([name]) => !ofTheLoad.has(name))
    .reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
}

/** They stand for callers and providers, which no installation runs beside the services. */
export const ofTheLoad: ReadonlySet<string> = new Set(["generator", "simulator"]);

function compare(a: number, b: number): number {
  // Infinite latencies have no difference.
  return a === b ? 0 : a < b ? -1 : 1;
}
