import type { CostCharged, InferenceResponded } from "@sluice/contracts";
import { expect, test } from "vitest";
import { aCompletion, anAdmission, anOutcome } from "./fixtures.ts";
import {
  attributionBreaches,
  billBreaches,
  chargeBreaches,
  limitBreaches,
  outcomeBreaches,
  repeatedPayments,
  spentNanoUsd,
} from "./invariants.ts";

const admitted = anAdmission();
const outcome = anOutcome();
const charge = (changed: Partial<CostCharged>): CostCharged => ({
  ...{ chargeId: "c1", attemptId: "a1", requestId: "r-1", kind: "reported", tags: {} },
  attribution: admitted.attribution,
  ...{ variant: "small", provider: "p", model: "m", tier: "economy", complexity: "simple" },
  ...{ lane: "realtime", cache: "miss", calledAt: 1, chargedAt: 2, priceVersion: "v" },
  usage: aCompletion().usage,
  ...{ priceNanoUsd: 5n, amountNanoUsd: 5n, windows: [], runId: null },
  ...changed,
});
const bill = (calls: number, costNanoUsd: bigint) => ({
  attempts: new Map([
    ["a1", { attemptId: "a1", calls, status: "billed" as const, costNanoUsd, reason: "answered" }],
  ]),
  totalNanoUsd: costNanoUsd,
});

test("the same outcome published twice is allowed, and no outcome or two different ones are a breach", () => {
  const other: InferenceResponded = { ...outcome, completedAt: 2 };
  expect(outcomeBreaches([admitted, admitted], [outcome, outcome])).toEqual([]);
  expect(outcomeBreaches([admitted], [])).toHaveLength(1);
  expect(outcomeBreaches([admitted], [outcome, other])).toHaveLength(1);
});

test("a charge whose attribution or signature is not that of its admitted request is a breach", () => {
  const attribution = { ...admitted.attribution, signature: "s" };
  const signed = { ...admitted, attribution };
  expect(attributionBreaches([signed], [charge({ attribution })])).toEqual([]);
  const others = [
    { ...attribution, team: "x" },
    { ...attribution, signature: "x" },
  ];
  const charges = others.map((other) => charge({ attribution: other }));
  expect(attributionBreaches([signed], charges)).toHaveLength(2);
  expect(attributionBreaches([admitted], [charge({})])).toHaveLength(1);
  expect(attributionBreaches([], [charge({})])).toEqual([]);
});

test("a charge that differs by one nano-dollar from the bill is a breach", () => {
  expect(billBreaches([charge({})], bill(1, 5n))).toEqual([]);
  expect(billBreaches([charge({})], bill(1, 6n))).toHaveLength(1);
});

test("a second call for an attempt, a billed attempt without a charge, and a charge without a bill are breaches", () => {
  expect(billBreaches([charge({})], bill(2, 5n))).toHaveLength(1);
  expect(billBreaches([], bill(1, 5n))).toHaveLength(1);
  expect(
    billBreaches([charge({}), charge({ chargeId: "c2", attemptId: "a2" })], bill(1, 5n)),
  ).toEqual(["attempt a2 is on no bill"]);
});

test("a billed attempt needs one estimate, and two are a breach", () => {
  const estimated = charge({ kind: "estimated", priceNanoUsd: 9n });
  expect(billBreaches([estimated], bill(1, 5n))).toEqual([]);
  expect(billBreaches([estimated, { ...estimated, chargeId: "c2" }], bill(1, 5n))).toHaveLength(1);
});

test("a request without a charge, or with charges above its limit together, is a breach", () => {
  const limits = new Map([["r-1", 9n]]);
  const second = charge({ chargeId: "c2", attemptId: "a2" });
  expect(limitBreaches(limits, [charge({}), charge({})])).toEqual([]);
  expect(limitBreaches(limits, [charge({}), { ...second, amountNanoUsd: 4n }])).toEqual([]);
  expect(limitBreaches(limits, [charge({}), second])).toEqual([
    "request r-1 is charged 10 and limited to 9 nano-USD",
  ]);
  expect(limitBreaches(limits, [charge({ requestId: "r-2" })])).toEqual([
    "request r-1 has no charge",
  ]);
});

test("a reported charge may follow an estimate", () => {
  const estimated = charge({ kind: "estimated", chargeId: "c2", priceNanoUsd: 9n });
  expect(billBreaches([estimated, charge({ amountNanoUsd: -4n })], bill(1, 5n))).toEqual([]);
});

test("a charge published twice counts once, unless it changed", () => {
  expect(spentNanoUsd([charge({}), charge({})])).toBe(5n);
  expect(chargeBreaches([charge({}), charge({})])).toEqual([]);
  expect(chargeBreaches([charge({}), charge({ amountNanoUsd: 6n })])).toHaveLength(1);
});

test("a request that was billed for two attempts is listed with the calls that its outcome reports", () => {
  const billed = (attemptId: string, costNanoUsd: bigint) =>
    [
      attemptId,
      { attemptId, calls: 1, status: "billed" as const, costNanoUsd, reason: "answered" },
    ] as const;
  const both = { attempts: new Map([billed("a1", 5n), billed("a2", 5n)]), totalNanoUsd: 10n };
  const second = charge({ chargeId: "c2", attemptId: "a2", kind: "estimated" });
  const charges = [charge({}), charge({}), second];
  const twice = { requestId: "r-1", billedAttempts: 2 };
  expect(repeatedPayments(charges, [{ ...outcome, attempts: 2 }], both)).toEqual([
    { ...twice, reportedCalls: 2 },
  ]);
  expect(repeatedPayments(charges, [], both)).toEqual([{ ...twice, reportedCalls: 0 }]);
  const once = { attempts: new Map([billed("a1", 5n), billed("a2", 0n)]), totalNanoUsd: 5n };
  expect(repeatedPayments(charges, [outcome], once)).toEqual([]);
});
