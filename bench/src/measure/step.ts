import type { Percentiles } from "./percentiles.ts";

export type Kind = "exact-hit" | "miss";

/** The result of one rate, for a few seconds, against one server. */
export interface StepResult {
  readonly kind: Kind;
  readonly targetPerSecond: number;
  /** How many requests the step has. */
  readonly scheduled: number;
  readonly actualPerSecond: number;
  readonly latencyMs: Percentiles;
  /** The latency of the requests that were answered, without those that failed or were refused. */
  readonly answeredMs: Percentiles;
  /** How often the provider was called. For hits, it is 0. */
  readonly providerCalls: number;
  readonly failures: Readonly<Record<string, number>>;
  /** CPU per answered request, by process, in ms. */
  readonly cpuMsPerRequest: Readonly<Record<string, number>>;
  /** CPU of processes that do not belong to the bench, in cores. */
  readonly otherProcessesCores: number;
}

/**
 * Returns the least disturbed round: the fewest failures, then the lowest P95. On shared cores, other
 * processes slow the others down.
 */
export function bestOf(rounds: readonly StepResult[]): StepResult {
  const [best] = rounds.toSorted(
    (a, b) => failedOf(a) - failedOf(b) || compare(a.latencyMs.p95, b.latencyMs.p95),
  );
  if (!best) throw new Error("There are no rounds to choose from.");
  return best;
}

/** Returns the count of failed requests. */
export function failedOf({ failures }: StepResult): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Returns the share of the scheduled requests that have no answer. */
export function unansweredShareOf(step: StepResult): number {
  return failedOf(step) / step.scheduled;
}

/** Returns the CPU per request of the services and the servers that they use, or of the bare server, in ms. */
export function cpuOf({ cpuMsPerRequest }: StepResult): number {
  return Object.entries(cpuMsPerRequest)
    .filter(([name]) => !loadProcesses.has(name))
    .reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
}

/** These processes replace clients and providers, which do not run on the same machine as the services. */
export const loadProcesses: ReadonlySet<string> = new Set(["generator", "simulator"]);

function compare(a: number, b: number): number {
  // A comparison is needed because the difference of two infinite latencies is not a number.
  return a === b ? 0 : a < b ? -1 : 1;
}
