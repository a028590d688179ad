/** Latencies in ms. A request without a good answer counts as infinitely late, not as absent. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Nearest rank: a value that was measured, never one between two. */
export function percentilesOf(latenciesMs: Float64Array): Percentiles {
  const sorted = latenciesMs.toSorted();
  return { p50: rankOf(sorted, 0.5), p95: rankOf(sorted, 0.95), p99: rankOf(sorted, 0.99) };
}

function rankOf(sorted: Float64Array, share: number): number {
  const rank = Math.ceil(sorted.length * share);
  return sorted[Math.max(rank, 1) - 1] ?? Number.POSITIVE_INFINITY;
}
