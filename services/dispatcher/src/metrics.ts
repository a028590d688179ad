import { Injectable } from "@nestjs/common";
import { Counter, Registry } from "prom-client";

/** All metrics of the dispatcher besides those of its stage. */
@Injectable()
export class DispatcherMetrics {
  readonly dispatched: Counter<"tier">;
  readonly declined: Counter<"code">;

  constructor(registry: Registry) {
    this.dispatched = new Counter({
      name: "dispatched_requests_total",
      help: "Requests that were given candidates, by the tier of the first.",
      labelNames: ["tier"],
      registers: [registry],
    });
    this.declined = new Counter({
      name: "dispatch_declines_total",
      help: "Requests for which nothing fits, or that nobody may pay for.",
      labelNames: ["code"],
      registers: [registry],
    });
  }
}
