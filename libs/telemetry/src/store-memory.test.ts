import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { exposeStoreMemory, StoreMemory } from "./store-memory.ts";

test("each scrape reports the memory of the servers that answer, and no value for the others", async () => {
  const registry = new Registry();
  const memory = new StoreMemory();
  exposeStoreMemory(memory, registry);
  let isUp = true;
  memory.add("redis", async () => {
    if (!isUp) throw new Error("The connection is closed.");
    return { usedBytes: 3, limitBytes: 9 };
  });
  memory.add("cache-redis", async () => ({ usedBytes: 5, limitBytes: 0 }));
  const first = await registry.metrics();
  expect(first).toContain('redis_memory_used_bytes{server="redis"} 3');
  expect(first).toContain('redis_memory_limit_bytes{server="redis"} 9');
  expect(first).toContain('redis_memory_used_bytes{server="cache-redis"} 5');
  expect(first).not.toContain('redis_memory_limit_bytes{server="cache-redis"}');
  isUp = false;
  expect(await registry.metrics()).not.toContain('server="redis"');
});
