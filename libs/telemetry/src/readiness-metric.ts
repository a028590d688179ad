import { Gauge, type Registry } from "prom-client";
import type { Readiness } from "./readiness.ts";

/** What `/readyz` says, for alerts. Asked at each scrape, so it is never older than the scrape. */
export function exposeReadiness(readiness: Readiness, registry: Registry): void {
  const gauge = new Gauge({
    name: "dependency_ready",
    help: "1 where the dependency can be used now, else 0",
    labelNames: ["dependency"],
    registers: [registry],
    collect: async () => {
      const { dependencies } = await readiness.check();
      for (const [dependency, ready] of Object.entries(dependencies))
        gauge.set({ dependency }, ready ? 1 : 0);
    },
  });
}
