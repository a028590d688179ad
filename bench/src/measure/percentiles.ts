/** Latencies in ms. A request without a successful answer counts as infinitely late. It is not left out. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Returns percentiles by nearest rank: each is a measured value and never an interpolated one. */
export function percentilesOf(latenciesMs: Float64Array): Percentiles {
  const sorted = latenciesMs.toSorted();
  return { p50: rankOf(sorted, 0.5), p95: rankOf(sorted, 0.95), p99: rankOf(sorted, 0.99) };
}

function rankOf(sorted: Float64Array, share: number): number {
  const rank = Math.ceil(sorted.length * share);
  return sorted[Math.max(rank, 1) - 1] ?? Number.POSITIVE_INFINITY;
}
