import { Injectable } from "@nestjs/common";
import { Counter, Registry } from "prom-client";

/** The metrics of cache-lookup, in addition to those of its stages. */
@Injectable()
export class LookupMetrics {
  readonly lookups: Counter<"kind">;
  readonly fills: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.lookups = new Counter({
      name: "cache_lookups_total",
      help: "Lookups in the response cache by result: exact-hit, miss or bypass.",
      labelNames: ["kind"],
      registers,
    });
    this.fills = new Counter({
      name: "cache_fills_total",
      help: "Answers of providers that were stored in the response cache.",
      registers,
    });
  }
}
