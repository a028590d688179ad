import type { BudgetWindow } from "@sluice/contracts";
import { attemptIdOf, noUsage } from "@sluice/domain";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { aCandidate, aDispatched, admittedAt } from "./dispatched.fixture.ts";
import { intentOf, type MeasuredUsage, meteringOf, zeroMeteringOf } from "./metering.ts";

const attemptedAt = admittedAt + 100;
const monthly: BudgetWindow = {
  budget: "search-monthly",
  scope: "",
  opensAt: Date.UTC(2027, 0, 1),
  closesAt: Date.UTC(2027, 1, 1),
  limitNanoUsd: 100_000_000_000n,
  hard: true,
  version: 7n,
};
const another: BudgetWindow = { ...monthly, budget: "premium-monthly" };
const plain = aDispatched();
const dispatched = { ...plain, dispatch: { ...plain.dispatch, windows: [another, monthly] } };
const intent = intentOf(dispatched, 2, aCandidate({ windows: [1] }), attemptedAt);
const usage = { ...noUsage, inputTokens: 14n, outputTokens: 7n };
const measured: MeasuredUsage = {
  calledAt: attemptedAt + 1,
  meteredAt: attemptedAt + 900,
  usage,
  estimatedFigures: [],
  raw: '{"prompt_tokens":14}',
  reason: "answered",
};
/**
 * The fields by which the ledger books an attempt. They are the same in its intent and its
 * metering.
 */
const booked = {
  requestId: "r-1",
  attemptId: attemptIdOf("acme", "r-1", admittedAt, 2),
  attemptNumber: 2,
  attribution: {
    tenant: "acme",
    team: "search",
    feature: "answers",
    user: "bot",
    key: "k1",
    signature: "",
  },
  tags: {},
  variant: "small",
  provider: "acme-ai",
  model: "sim-economy",
  tier: "economy",
  complexity: "simple",
  lane: "realtime",
  cache: "miss",
  windows: [monthly],
  runId: null,
};

test("an intent holds what the sweep needs for an estimate, and no prompt", () => {
  expect(intent).toEqual({
    ...booked,
    attemptedAt,
    deadlineAt: admittedAt + 120_000,
    inputTokens: 14n,
    outputLimit: 400n,
    answers: 1,
    worstCaseNanoUsd: 1_000_000n,
  });
  expect(inspect(intent)).not.toContain("France");
});

test("a metering repeats how the attempt is booked, and adds nothing of the intent but that", () => {
  expect(meteringOf(intent, measured)).toEqual({ ...booked, ...measured, kind: "reported" });
});

test("a metering is estimated if one of its figures is", () => {
  const estimatedFigures = ["outputTokens"];
  expect(meteringOf(intent, { ...measured, estimatedFigures })).toMatchObject({
    kind: "estimated",
    estimatedFigures,
  });
});

test("an attempt that a provider refused is metered as a reported zero", () => {
  expect(zeroMeteringOf(intent, "refused", attemptedAt + 1, attemptedAt + 2)).toEqual({
    ...booked,
    kind: "reported",
    calledAt: attemptedAt + 1,
    meteredAt: attemptedAt + 2,
    usage: noUsage,
    estimatedFigures: [],
    raw: null,
    reason: "refused",
  });
});
