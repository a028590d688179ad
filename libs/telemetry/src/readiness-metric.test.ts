import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { exposeReadiness } from "./readiness-metric.ts";
import { Readiness } from "./readiness.ts";

test("each scrape reports the state that each dependency has then", async () => {
  const registry = new Registry();
  const readiness = new Readiness();
  exposeReadiness(readiness, registry);
  let up = true;
  readiness.add("redis", () => up);
  readiness.add("kafka", () => Promise.reject(new Error("down")));
  const first = await registry.metrics();
  expect(first).toContain('dependency_ready{dependency="redis"} 1');
  expect(first).toContain('dependency_ready{dependency="kafka"} 0');
  up = false;
  expect(await registry.metrics()).toContain('dependency_ready{dependency="redis"} 0');
});
