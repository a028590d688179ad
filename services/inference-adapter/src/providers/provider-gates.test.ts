import { silentLogger } from "@sluice/stage";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { aCandidate } from "../attempt/dispatched.fixture.ts";
import { answerOf } from "./in-memory-provider.ts";
import { AdapterMetrics } from "../metrics.ts";
import type { ProviderEnd } from "./provider.ts";
import { ProviderGates } from "./provider-gates.ts";

const small = aCandidate();
const policy = { failuresMax: 2, openMs: 1_000, openMsMax: 4_000 };
const refused = { kind: "refused", status: null, retryAfterMs: null } as const;
const failed: ProviderEnd = { ...refused, code: "server_error" };

function gatesWith(keys: number): ProviderGates {
  return new ProviderGates(
    new Map([["acme-ai", keys]]),
    policy,
    new AdapterMetrics(new Registry()),
    silentLogger,
  );
}

test("the keys of a provider are used in turn", () => {
  const gates = gatesWith(3);
  const used = [1, 2, 3, 4, 5, 6].map(() => gates.begin(small, 0));
  expect(used.toSorted((left, right) => left - right)).toEqual([0, 0, 1, 1, 2, 2]);
});

test("a key that has to wait is skipped, and the model is ready while another key is", () => {
  const gates = gatesWith(2);
  const key = gates.begin(small, 0);
  gates.ended(small, key, { ...refused, code: "rate_limited", retryAfterMs: 5_000 }, 0);
  expect(gates.readyAt(small)).toBe(0);
  expect([1, 2, 3].map(() => gates.begin(small, 0))).toEqual(Array(3).fill(1 - key));
});

test("a refused key rests for a minute", () => {
  const gates = gatesWith(1);
  gates.ended(small, gates.begin(small, 0), { ...refused, code: "unauthorized" }, 0);
  expect(gates.readyAt(small)).toBe(60_000);
});

test("a breaker opens for the model and key that failed, and for no other model", () => {
  const gates = gatesWith(1);
  for (const _ of [1, 2]) gates.ended(small, gates.begin(small, 0), failed, 0);
  expect(gates.readyAt(small)).toBe(1_000);
  expect(gates.readyAt(aCandidate({ model: "other" }))).toBe(0);
});

test("an aborted call, a cut stream and a 429 without retry-after do not count as failures", () => {
  const gates = gatesWith(1);
  const ends: readonly ProviderEnd[] = [
    { kind: "lost", code: "aborted" },
    { kind: "cut", code: "connection_lost", answer: answerOf(["One"], "") },
    { ...refused, code: "rate_limited", status: 429 },
  ];
  for (const end of [...ends, ...ends]) gates.ended(small, gates.begin(small, 0), end, 0);
  expect(gates.readyAt(small)).toBe(0);
});

test("a provider without keys is never ready", () => {
  expect(gatesWith(1).readyAt(aCandidate({ provider: "nobody" }))).toBe(Number.POSITIVE_INFINITY);
});
