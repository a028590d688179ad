import { Injectable } from "@nestjs/common";
import { Counter, Registry } from "prom-client";

/** The metrics of the dispatcher, in addition to those of its stage. */
@Injectable()
export class DispatcherMetrics {
  readonly dispatched: Counter<"tier">;
  readonly declined: Counter<"code">;

  constructor(registry: Registry) {
    this.dispatched = new Counter({
      name: "dispatched_requests_total",
      help: "Requests that were dispatched, by the tier of their first candidate.",
      labelNames: ["tier"],
      registers: [registry],
    });
    this.declined = new Counter({
      name: "dispatch_declines_total",
      help: "Requests that were declined because no variant fits or a budget refused.",
      labelNames: ["code"],
      registers: [registry],
    });
  }
}
