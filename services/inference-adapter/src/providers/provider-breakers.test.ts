import { silentLogger } from "@sluice/stage";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { aCandidate } from "../attempt/dispatched.fixture.ts";
import { answerOf } from "./in-memory-provider.ts";
import { AdapterMetrics } from "../metrics.ts";
import type { ProviderEnd } from "./provider.ts";
import { ProviderBreakers } from "./provider-breakers.ts";

const small = aCandidate();
const policy = { failuresMax: 2, openMs: 1_000, openMsMax: 4_000 };
const refused = { kind: "refused", status: null, retryAfterMs: null } as const;
const failed: ProviderEnd = { ...refused, code: "server_error" };

function breakersWith(keys: number): ProviderBreakers {
  return new ProviderBreakers(
    (id) => (id === "acme-ai" ? keys : 0),
    policy,
    new AdapterMetrics(new Registry()),
    silentLogger,
  );
}

test("the keys of a provider are used in turn", () => {
  const breakers = breakersWith(3);
  const used = [1, 2, 3, 4, 5, 6].map(() => breakers.begin(small, 0));
  expect(used.toSorted((left, right) => left - right)).toEqual([0, 0, 1, 1, 2, 2]);
});

test("a key that has to wait is skipped, and the model is ready while another key is", () => {
  const breakers = breakersWith(2);
  const key = breakers.begin(small, 0);
  breakers.ended(small, key, { ...refused, code: "rate_limited", retryAfterMs: 5_000 }, 0);
  expect(breakers.readyAt(small)).toBe(0);
  expect([1, 2, 3].map(() => breakers.begin(small, 0))).toEqual(Array(3).fill(1 - key));
});

test("a key whose account is used up rests for a minute, and the reason is known meanwhile", () => {
  const breakers = breakersWith(2);
  const end: ProviderEnd = { ...refused, code: "quota_exhausted", status: 429 };
  expect(breakers.restsBecause(small)).toBeNull();
  for (const _ of [1, 2]) breakers.ended(small, breakers.begin(small, 0), end, 0);
  expect(breakers.readyAt(small)).toBe(60_000);
  expect(breakers.restsBecause(small)).toBe("quota_exhausted");
  const answered: ProviderEnd = { kind: "unusable", code: "answer_empty", usage: null };
  breakers.ended(small, breakers.begin(small, 60_000), answered, 60_100);
  expect(breakers.restsBecause(small)).toBeNull();
});

test("the reason of a rest stays known, although a call that had begun before succeeds", () => {
  const breakers = breakersWith(1);
  const earlier = breakers.begin(small, 0);
  const limited = { ...refused, code: "rate_limited", retryAfterMs: 60_000 } as const;
  breakers.ended(small, breakers.begin(small, 0), limited, 0);
  const answer = answerOf(["One"], "stop");
  breakers.ended(small, earlier, { kind: "answered", answer, usage: null }, 10);
  expect(breakers.readyAt(small)).toBe(60_000);
  expect(breakers.restsBecause(small)).toBe("rate_limited");
});

test("an answer that is a page for people counts as a failure, and an empty one does not", () => {
  const unusable = { kind: "unusable", usage: null } as const;
  for (const [code, until] of [
    ["answer_empty", 0],
    ["answer_unreadable", 1_000],
  ] as const) {
    const breakers = breakersWith(1);
    for (const _ of [1, 2])
      breakers.ended(small, breakers.begin(small, 0), { ...unusable, code }, 0);
    expect(breakers.readyAt(small)).toBe(until);
    expect(breakers.restsBecause(small)).toBeNull();
  }
});

test("a refused key rests for a minute", () => {
  const breakers = breakersWith(1);
  breakers.ended(small, breakers.begin(small, 0), { ...refused, code: "unauthorized" }, 0);
  expect(breakers.readyAt(small)).toBe(60_000);
});

test("a breaker opens for the model and key that failed, and for no other model", () => {
  const breakers = breakersWith(1);
  for (const _ of [1, 2]) breakers.ended(small, breakers.begin(small, 0), failed, 0);
  expect(breakers.readyAt(small)).toBe(1_000);
  expect(breakers.readyAt(aCandidate({ model: "other" }))).toBe(0);
});

test("an aborted call, a cut stream and a 429 without retry-after do not count as failures", () => {
  const breakers = breakersWith(1);
  const ends: readonly ProviderEnd[] = [
    { kind: "lost", code: "aborted" },
    { kind: "cut", code: "connection_lost", answer: answerOf(["One"], ""), usage: null },
    { ...refused, code: "rate_limited", status: 429 },
  ];
  for (const end of [...ends, ...ends]) breakers.ended(small, breakers.begin(small, 0), end, 0);
  expect(breakers.readyAt(small)).toBe(0);
});

test("a provider without keys is never ready", () => {
  expect(breakersWith(1).readyAt(aCandidate({ provider: "nobody" }))).toBe(
    Number.POSITIVE_INFINITY,
  );
});
