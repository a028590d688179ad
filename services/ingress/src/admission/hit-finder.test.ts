import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { SystemClock, TransientFault } from "@sluice/domain";
import {
  addressKeyOf,
  type CacheAddress,
  type CacheEntry,
  ExactCache,
} from "@sluice/response-cache";
import { aCompletion, anAdmission, aRequest } from "@sluice/testing/fixtures";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { someDeclarations } from "../declarations.fixture.ts";
import { IngressMetrics } from "../metrics.ts";
import { HitFinder } from "./hit-finder.ts";

const declarations = someDeclarations();
const patienceMs = 40;

class ScriptedCache extends ExactCache {
  reads = 0;

  constructor(private readonly answer: () => Promise<unknown>) {
    super();
  }

  override async find([address]: readonly CacheAddress[]) {
    this.reads += 1;
    await this.answer();
    const completedAt = Date.now();
    const entry: CacheEntry = {
      ...{ completed: aCompletion(), completedAt, expiresAt: completedAt + 60_000 },
      requestId: "r-0",
    };
    return new Map([[addressKeyOf(address!), entry]]);
  }

  override async store(): Promise<void> {}
}

function finderOn(answer: () => Promise<unknown>) {
  const cache = new ScriptedCache(answer);
  const metrics = new IngressMetrics(new Registry());
  const finder = new HitFinder(cache, declarations, new SystemClock(), metrics, patienceMs);
  return { cache, find: (content = "?") => finder.find(admittedAbout(content)) };
}

function admittedAbout(content: string) {
  const [message] = aRequest().messages;
  return anAdmission({ request: aRequest({ messages: [{ ...message!, content }] }) });
}

function beBusyFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("a read that is late once is a hit, and one that is late twice is a miss", async () => {
  const { find } = finderOn(() => sleep(1.5 * patienceMs));
  expect((await find()).kind).toBe("exact-hit");
  const never = finderOn(() => new Promise(() => undefined));
  expect((await never.find()).kind).toBe("miss");
});

test("an answer that arrived while this process was busy is not late", async () => {
  const { find } = finderOn(() => stat("."));
  const finding = find();
  // The waits have passed before the process looks at what has arrived.
  beBusyFor(3 * patienceMs);
  expect((await finding).kind).toBe("exact-hit");
});

test("a cache that fails is a miss at once", async () => {
  const { find, cache } = finderOn(async () => {
    throw new TransientFault("REDIS_UNAVAILABLE", "Redis did not answer.");
  });
  expect((await find()).kind).toBe("miss");
  expect(cache.reads).toBe(1);
});

test("requests that look for the same answer at the same time share one read, and later ones read again", async () => {
  const { find, cache } = finderOn(() => sleep(5));
  const found = await Promise.all([...Array.from({ length: 50 }, () => find()), find("Other?")]);
  expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(["exact-hit"]));
  expect(cache.reads).toBe(2);
  await find();
  expect(cache.reads).toBe(3);
});
