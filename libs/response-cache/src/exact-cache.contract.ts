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
    test("a stored entry is found under its own address only", async () => {
      const [stored, absent] = [freshAddress(), freshAddress()];
      const entry = entryFor("r1");
      await cacheOf().store([{ address: stored, entry }]);
      expect(await cacheOf().find([absent, stored])).toEqual(
        new Map([[addressKeyOf(stored), entry]]),
      );
    });

    test("empty lists store and find nothing", async () => {
      await cacheOf().store([]);
      expect(await cacheOf().find([])).toEqual(new Map());
    });

    test("an answer is found only by its own tenant and in its own namespace", async () => {
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

    test("a later answer replaces the stored one", async () => {
      const address = freshAddress();
      const later = entryFor("r2");
      await cacheOf().store([
        { address, entry: entryFor("r1") },
        { address, entry: later },
      ]);
      expect([...(await cacheOf().find([address])).values()]).toEqual([later]);
    });

    test("an answer expires at its time, however often it was found", async () => {
      const address = freshAddress();
      await cacheOf().store([{ address, entry: entryFor("r1", 500) }]);
      expect((await cacheOf().find([address])).size).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await cacheOf().find([address]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await cacheOf().find([address])).toEqual(new Map());
    });

    test("an answer that had expired before it was stored is never found", async () => {
      const address = freshAddress();
      await cacheOf().store([{ address, entry: entryFor("r1", -1_000) }]);
      expect(await cacheOf().find([address])).toEqual(new Map());
    });
  });
}
