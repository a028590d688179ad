import type { CacheDirective, Requirements } from "@sluice/contracts";
import { expect, test } from "vitest";
import type { CacheEntry } from "./exact-cache.ts";
import { defaultCachePolicy, lookUp, lookupOf, satisfies, type VariantFactsOf } from "./lookup.ts";
import { completedFixture, lookupFixture, now, requestFixture } from "./records.fixture.ts";

const lookupWith = (
  cache: Partial<CacheDirective>,
  parameters: object = {},
  policy = defaultCachePolicy,
): ReturnType<typeof lookupOf> =>
  lookupOf(
    requestFixture({
      cache: { mode: "automatic", ttlSeconds: null, ...cache },
      parameters: JSON.stringify(parameters),
    }),
    policy,
  );

test("a request without a temperature is cacheable, and so is one at 0.7", () => {
  for (const parameters of [{}, { temperature: null }, { temperature: 0 }, { temperature: 0.7 }])
    expect(lookupWith({}, parameters)).toMatchObject({
      result: "miss",
      fills: true,
      ttlSeconds: 86_400,
      reason: null,
    });
});

test("a temperature above 0.7 bypasses the cache, unless the mode is use", () => {
  const bypass = { result: "bypass", fills: false, reason: "temperature" };
  expect(lookupWith({}, { temperature: 0.71 })).toMatchObject(bypass);
  expect(lookupWith({ mode: "refresh" }, { temperature: 0.71 })).toMatchObject(bypass);
  expect(lookupWith({ mode: "use" }, { temperature: 2 })).toMatchObject({
    result: "miss",
    fills: true,
  });
});

test("no_store neither reads nor fills; refresh fills only", () => {
  expect(lookupWith({ mode: "no_store" })).toMatchObject({
    result: "bypass",
    fills: false,
    reason: "no_store",
  });
  expect(lookupWith({ mode: "refresh" })).toMatchObject({
    result: "bypass",
    fills: true,
    reason: "refresh",
  });
});

test("no mode enables a cache that the operator has disabled", () => {
  const policy = { enabled: false, ttlSeconds: 60 };
  for (const mode of ["automatic", "use", "refresh", "no_store"] as const)
    expect(lookupWith({ mode }, {}, policy)).toMatchObject({
      result: "bypass",
      fills: false,
      reason: "disabled",
    });
});

test("a request can shorten the operator's time to live, but not extend it", () => {
  const policy = { enabled: true, ttlSeconds: 600 };
  expect(lookupWith({ ttlSeconds: 60 }, {}, policy)).toMatchObject({ ttlSeconds: 60 });
  expect(lookupWith({ ttlSeconds: 6_000 }, {}, policy)).toMatchObject({ ttlSeconds: 600 });
  expect(lookupWith({ ttlSeconds: 0 }, {}, policy)).toMatchObject({ ttlSeconds: 0, fills: false });
});

const entry: CacheEntry = {
  completed: completedFixture(),
  completedAt: now - 1_000_000,
  expiresAt: now + 1_000,
  requestId: "r0",
};
const measured: VariantFactsOf = (variant) =>
  variant === "small" ? { accuracy: { simple: 0.99, medium: 0.8, complex: null } } : undefined;
const demand = (requiredAccuracy: number | null): Requirements => ({
  ...requestFixture().requirements,
  requiredAccuracy,
  maxLatencyMs: 1,
  maxCostNanoUsd: 0n,
});

test("an entry meets a required accuracy by its variant's accuracy at the entry's complexity, and any latency and cost", () => {
  expect(satisfies(entry, demand(null), measured)).toBe(true);
  expect(satisfies(entry, demand(0.8), measured)).toBe(true);
  expect(satisfies(entry, demand(0.81), measured)).toBe(false);
});

test("a variant that is undeclared or has no measured accuracy does not meet a required accuracy", () => {
  const complex = { ...entry, completed: completedFixture({ complexity: "complex" }) };
  const undeclared = { ...entry, completed: completedFixture({ variant: "undeclared" }) };
  expect(satisfies(complex, demand(0), measured)).toBe(false);
  expect(satisfies(undeclared, demand(0), measured)).toBe(false);
  expect(satisfies(undeclared, demand(null), measured)).toBe(true);
});

test("a fresh entry that satisfies the request is an exact hit", () => {
  const found = lookUp(requestFixture(), lookupFixture(), entry, measured, now);
  expect(found).toEqual({ kind: "exact-hit", entry, lookup: lookupFixture({ result: "exact" }) });
});

test("an entry that is absent, expired, too old for this request, or too inaccurate is a miss", () => {
  const lookup = lookupFixture();
  const misses = [
    lookUp(requestFixture(), lookup, undefined, measured, now),
    lookUp(requestFixture(), lookup, entry, measured, entry.expiresAt),
    lookUp(requestFixture({ requirements: demand(0.9) }), lookup, entry, measured, now),
  ];
  expect(misses).toEqual(misses.map(() => ({ kind: "miss", lookup })));
  const shorter = lookupFixture({ ttlSeconds: 1_000 });
  expect(lookUp(requestFixture(), shorter, entry, measured, now).kind).toBe("miss");
});

test("a bypass is never answered from the cache, even if there is an entry", () => {
  const lookup = lookupFixture({ result: "bypass", reason: "refresh" });
  expect(lookUp(requestFixture(), lookup, entry, measured, now)).toEqual({ kind: "miss", lookup });
});
