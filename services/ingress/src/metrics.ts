import { Counter, Gauge, type Registry } from "prom-client";

/** All metrics of ingress besides those of its stage. */
export class IngressMetrics {
  readonly decisions: Counter<"decision" | "reason">;
  readonly lookups: Counter<"kind">;
  readonly waiting: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.decisions = new Counter({
      name: "admission_decisions_total",
      help: "What was decided at the edge: admit, join, answer, decline, refuse or shed, and why.",
      labelNames: ["decision", "reason"],
      registers,
    });
    this.lookups = new Counter({
      name: "cache_lookups_total",
      help: "Lookups in the response cache: exact-hit, miss or bypass.",
      labelNames: ["kind"],
      registers,
    });
    this.waiting = new Gauge({
      name: "http_requests_waiting",
      help: "HTTP requests that wait for an answer.",
      registers,
    });
  }
}
