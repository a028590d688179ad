import { formatUsd, type NanoUsd } from "@sluice/domain";
import type { Answer } from "./answer.ts";

/** The results of a file's requests, in numbers. */
export interface Summary {
  readonly lines: number;
  readonly answered: number;
  readonly declined: number;
  readonly failed: number;
  /** Requests that were not sent or not awaited, because the run was interrupted. */
  readonly unfinished: number;
  /** Requests that were answered from the response cache. */
  readonly hits: number;
  /** The provisional costs of these answers, as ingress reports them. Includes what an earlier run paid. */
  readonly costNanoUsd: NanoUsd;
  /** Latencies of answered requests, in milliseconds; null if there are none. */
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly seconds: number;
}

/** Counts answers as they arrive. */
export class Tally {
  readonly #counts = { answered: 0, declined: 0, failed: 0 };
  readonly #latenciesMs: number[] = [];
  #hits = 0;
  #costNanoUsd: NanoUsd = 0n;

  constructor(private readonly lines: number) {}

  add(answer: Answer): void {
    this.#counts[answer.kind] += 1;
    if (answer.kind !== "answered") return;
    this.#latenciesMs.push(answer.latencyMs);
    this.#costNanoUsd += answer.costNanoUsd ?? 0n;
    if (answer.cache === "exact" || answer.cache === "semantic") this.#hits += 1;
  }

  get done(): number {
    const { answered, declined, failed } = this.#counts;
    return answered + declined + failed;
  }

  /** The number of declined and failed requests. */
  get unanswered(): number {
    return this.#counts.declined + this.#counts.failed;
  }

  summaryAfter(seconds: number): Summary {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return {
      lines: this.lines,
      ...this.#counts,
      unfinished: this.lines - this.done,
      hits: this.#hits,
      costNanoUsd: this.#costNanoUsd,
      latencyP50Ms: percentileOf(sorted, 0.5),
      latencyP95Ms: percentileOf(sorted, 0.95),
      seconds: Math.round(seconds * 10) / 10,
    };
  }
}

/** Returns the smallest value that at least the given share of all values do not exceed (nearest rank). Pure. */
export function percentileOf(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** Returns the summary as text, every number with its unit. Pure. */
export function summaryText(summary: Summary): string {
  const { lines, answered, declined, failed, unfinished, hits, costNanoUsd, seconds } = summary;
  const { latencyP50Ms: p50, latencyP95Ms: p95 } = summary;
  const rows = [
    ["answered", `${answered} of ${lines} (${hits} from the cache)`],
    ["declined", String(declined)],
    ["failed", String(failed)],
    ...(unfinished > 0
      ? [["unfinished", `${unfinished}; run the command again, and no request is paid twice`]]
      : []),
    ["cost", `$${formatUsd(costNanoUsd)}`],
    ...(p50 === null ? [] : [["latency", `P50 ${p50} ms, P95 ${p95} ms`]]),
    ["time", `${seconds} s`],
  ];
  return rows.map(([name = "", text]) => `  ${name.padEnd(12)}${text}\n`).join("");
}
