import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { addressKeyOf } from "./address-key.ts";
import type { CacheAddress, CacheEntry, ExactCache } from "./exact-cache.ts";
import { completedFixture } from "./records.fixture.ts";

const freshAddress = (): CacheAddress => ({
  tenant: `tenant-${randomUUID()}`,
  namespace: "default",
  cacheKey: "key",
});

const entryFor = (requestId: string, ttlMs = 60_000): CacheEntry => {
  const completedAt = Date.now();
  const expiresAt = completedAt + ttlMs;
  return { completed: completedFixture(), completedAt, expiresAt, requestId };
};

export function exactCacheContract(name: string, cacheOf: () => ExactCache): void {
  describe(`exact cache: ${name}`, () => {
    test("what was stored is found under its address, and nothing else is", async () => {
      const [stored, absent] = [freshAddress(), freshAddress()];
      const entry = entryFor("r1");
      await cacheOf().store([{ address: stored, entry }]);
      expect(await cacheOf().find([absent, stored])).toEqual(
        new Map([[addressKeyOf(stored), entry]]),
      );
    });

    test("nothing asked for, nothing stored", async () => {
      await cacheOf().store([]);
      expect(await cacheOf().find([])).toEqual(new Map());
    });

    test("an answer is found by its tenant alone, in its namespace alone", async () => {
      const address = freshAddress();
      await cacheOf().store([{ address, entry: entryFor("r1") }]);
      const others = [
        { ...address, tenant: `${address.tenant}x` },
        { ...address, namespace: "other" },
        { ...address, cacheKey: "other" },
        { ...address, namespace: "defaultk", cacheKey: "ey" },
      ];
      expect(await cacheOf().find(others)).toEqual(new Map());
    });

    test("a later answer replaces the one that stands", async () => {
      const address = freshAddress();
      const later = entryFor("r2");
      await cacheOf().store([
        { address, entry: entryFor("r1") },
        { address, entry: later },
      ]);
      expect([...(await cacheOf().find([address])).values()]).toEqual([later]);
    });

    test("an answer is gone when its time is over, however often it was found", async () => {
      const address = freshAddress();
      await cacheOf().store([{ address, entry: entryFor("r1", 500) }]);
      expect((await cacheOf().find([address])).size).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await cacheOf().find([address]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await cacheOf().find([address])).toEqual(new Map());
    });

    test("an answer whose time was over before it was stored is never found", async () => {
      const address = freshAddress();
      await cacheOf().store([{ address, entry: entryFor("r1", -1_000) }]);
      expect(await cacheOf().find([address])).toEqual(new Map());
    });
  });
}
