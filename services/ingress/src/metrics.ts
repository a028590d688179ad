import { Injectable } from "@nestjs/common";
import { Counter, Gauge, Registry } from "prom-client";

/** The metrics of ingress. Its stage reports those that all stages have. */
@Injectable()
export class IngressMetrics {
  readonly decisions: Counter<"decision" | "reason">;
  readonly signatures: Counter<"form">;
  readonly lookups: Counter<"kind">;
  readonly limitChecks: Counter<"result">;
  readonly waiting: Gauge;
  readonly heldBytes: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.decisions = new Counter({
      name: "admission_decisions_total",
      help: "Decisions about requests, and their reasons: admit, join, answer, decline, refuse, shed, skip or dead-letter.",
      labelNames: ["decision", "reason"],
      registers,
    });
    this.signatures = new Counter({
      name: "intake_signatures_total",
      help: "Valid signatures of messages on inference.requested by their form: first or second.",
      labelNames: ["form"],
      registers,
    });
    this.lookups = new Counter({
      name: "cache_lookups_total",
      help: "Lookups in the response cache: exact-hit, miss or bypass.",
      labelNames: ["kind"],
      registers,
    });
    this.limitChecks = new Counter({
      name: "limit_checks_total",
      help: "Requests that were compared with their limits: granted; declined by requests, tokens, concurrency or loop; or unavailable.",
      labelNames: ["result"],
      registers,
    });
    this.waiting = new Gauge({
      name: "http_requests_waiting",
      help: "HTTP requests that wait for an answer.",
      registers,
    });
    this.heldBytes = new Gauge({
      name: "http_held_bytes",
      help: "Bytes of HTTP requests and of unread answers that the process holds.",
      registers,
    });
  }
}
