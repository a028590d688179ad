import { expect, test } from "vitest";
import { memoryIn } from "./memory.ts";

const info = [
  "# Memory",
  ...["used_memory:2000000", "used_memory_human:1.91M", "total_system_memory:8000000000"],
  ...["maxmemory:1000000000", "maxmemory_policy:noeviction", "mem_not_counted_for_evict:500"],
];

test("the used memory is what the server compares with its limit", () => {
  expect(memoryIn(info.join("\r\n"))).toEqual({ usedBytes: 1_999_500, limitBytes: 1_000_000_000 });
});

test("the limit of a server without maxmemory is the memory of its machine, if it reports that", () => {
  const unlimited = info.map((line) => line.replace("maxmemory:1000000000", "maxmemory:0"));
  expect(memoryIn(unlimited.join("\r\n"))).toMatchObject({ limitBytes: 8_000_000_000 });
  const managed = unlimited.filter((line) => !line.startsWith("total_system"));
  expect(memoryIn(managed.join("\n"))).toMatchObject({ limitBytes: 0 });
});
