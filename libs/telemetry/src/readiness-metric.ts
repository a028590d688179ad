import { Gauge, type Registry } from "prom-client";
import type { Readiness } from "./readiness.ts";

/**
 * Exposes readiness as a metric, for alerts. Each scrape runs the probes, so the value is never
 * older than the scrape.
 */
export function exposeReadiness(readiness: Readiness, registry: Registry): void {
  const gauge = new Gauge({
    name: "dependency_ready",
    help: "1 if the dependency can be used now, else 0",
    labelNames: ["dependency"],
    registers: [registry],
    collect: async () => {
      const { dependencies } = await readiness.check();
      for (const [dependency, ready] of Object.entries(dependencies))
        gauge.set({ dependency }, ready ? 1 : 0);
    },
  });
}
