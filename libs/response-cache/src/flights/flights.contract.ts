import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { CacheAddress } from "../exact-cache.ts";
import type { Flights } from "./flights.ts";

const freshAddress = (): CacheAddress => ({
  tenant: `tenant-${randomUUID()}`,
  namespace: "default",
  cacheKey: "key",
});
const longMs = 60_000;

export function flightsContract(name: string, flightsOf: () => Flights): void {
  describe(`flights: ${name}`, () => {
    test("of a hundred concurrent requests one leads, and the others learn which", async () => {
      const address = freshAddress();
      const ids = Array.from({ length: 100 }, (_, index) => `r-${index}`);
      const leaders = await Promise.all(ids.map((id) => flightsOf().lead(address, id, longMs)));
      const leader = ids[leaders.indexOf(null)];
      expect(leaders.filter((each) => each === null)).toHaveLength(1);
      expect(leaders.filter((each) => each === leader)).toHaveLength(99);
      expect(await flightsOf().leaderOf(address)).toBe(leader);
      expect(await flightsOf().lead(address, leader!, longMs)).toBe(leader);
    });

    test("another tenant, namespace or key has a leader of its own", async () => {
      const address = freshAddress();
      expect(await flightsOf().lead(address, "r1", longMs)).toBeNull();
      for (const changed of [
        { tenant: randomUUID() },
        { namespace: "other" },
        { cacheKey: "other" },
      ])
        expect(await flightsOf().lead({ ...address, ...changed }, "r2", longMs)).toBeNull();
    });

    test("a flight ends by its leader or after its time, and another request may lead", async () => {
      const address = freshAddress();
      await flightsOf().lead(address, "r1", longMs);
      await flightsOf().end(address, "r1");
      expect(await flightsOf().leaderOf(address)).toBeNull();
      expect(await flightsOf().lead(address, "r2", 30)).toBeNull();
      await sleep(60);
      expect(await flightsOf().lead(address, "r3", longMs)).toBeNull();
    });

    test("only the leader extends or ends its flight", async () => {
      const address = freshAddress();
      await flightsOf().lead(address, "r1", 200);
      await flightsOf().end(address, "r2");
      await flightsOf().extend(address, "r2", longMs);
      await flightsOf().extend(address, "r1", longMs);
      await sleep(250);
      expect(await flightsOf().leaderOf(address)).toBe("r1");
      await flightsOf().extend(freshAddress(), "r1", longMs);
    });
  });
}
