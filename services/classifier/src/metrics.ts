import { Injectable } from "@nestjs/common";
import { Counter, Histogram, Registry } from "prom-client";

/** The metrics of the classifier, in addition to those of its stage. */
@Injectable()
export class ClassifierMetrics {
  readonly classified: Counter<"complexity">;
  readonly duration: Histogram;

  constructor(registry: Registry) {
    this.classified = new Counter({
      name: "classified_requests_total",
      help: "Classified requests by complexity.",
      labelNames: ["complexity"],
      registers: [registry],
    });
    this.duration = new Histogram({
      name: "classification_duration_seconds",
      help: "Time to classify one request. The limit is 5 ms.",
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01],
      registers: [registry],
    });
  }
}
