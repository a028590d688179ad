import type { InferenceAdmitted } from "@sluice/contracts";
import { completedOutcome } from "@sluice/request-state";
import { aCompletion, aMiss, anAdmission } from "@sluice/testing/fixtures";
import { describe, expect, test } from "vitest";
import { refused } from "../request/refusal.ts";
import { type Cached, decideAdmission, notLookedUp } from "./admit.ts";
import type { Candidate } from "./candidate.ts";
import { type Known, nothingKnown } from "./known-request.ts";

const arrivedAt = 1_800_000_000_000;
const now = arrivedAt + 3;
const refusal = refused("model_not_found", "There is no such model.", "model");
/** The record under which the same request was admitted a minute earlier. */
const first = anAdmission({ admittedAt: arrivedAt - 60_000 });
const outcome = completedOutcome(first, {
  ...{ completed: aCompletion(), attempts: 1, lookup: null, decisions: [] },
  completedAt: arrivedAt - 50_000,
});
const anotherBody: Known = { kind: "conflict" };
const miss: Cached = { kind: "miss", lookup: aMiss };
const hit: Cached = {
  kind: "exact-hit",
  lookup: { ...aMiss, result: "exact" },
  entry: {
    ...{ completed: aCompletion(), completedAt: arrivedAt - 9_000, expiresAt: now + 9_000 },
    requestId: "r-0",
  },
};

const running: Known = { kind: "running", admitted: first, isAcknowledged: true };
const unacknowledged: Known = { kind: "running", admitted: first, isAcknowledged: false };
const ended: Known = { kind: "ended", outcome };
const expired: Known = { kind: "ended", outcome: null };

type Origin = InferenceAdmitted["origin"];

interface Given {
  readonly known?: Known;
  readonly cached?: Cached;
  readonly refusal?: Candidate["refusal"];
  readonly isStale?: boolean;
  readonly deadlineAt?: number;
}

function decide(origin: Origin, given: Given = {}) {
  const { known = nothingKnown, cached = notLookedUp, isStale = false } = given;
  const { deadlineAt = arrivedAt + 120_000 } = given;
  const admitted = anAdmission({ origin, admittedAt: arrivedAt, deadlineAt });
  const candidate = { admitted, refusal: given.refusal, isStale };
  return { admitted, decision: decideAdmission(candidate, known, cached, now) };
}

describe.each<Origin>(["http", "kafka"])("over %s", (origin) => {
  test("a new request is admitted under its own record", () => {
    const { admitted, decision } = decide(origin);
    expect(decision).toEqual({ kind: "admit", admitted });
  });

  test("a repeat of a request that runs joins it and publishes nothing", () => {
    const { decision } = decide(origin, { known: running });
    expect(decision).toEqual({ kind: "join", admitted: first, isAcknowledged: true });
  });

  test("a repeat of a request that was never acknowledged joins it under its first record", () => {
    const { decision } = decide(origin, { known: unacknowledged });
    expect(decision).toEqual({ kind: "join", admitted: first, isAcknowledged: false });
  });

  test("a repeat of a request that has ended is answered with its outcome", () => {
    const { decision } = decide(origin, { known: ended });
    expect(decision).toEqual({ kind: "answer", from: "known-outcome", outcome });
  });

  test("a repeat of a request whose answer has expired is refused, and is not run again", () => {
    const { decision } = decide(origin, { known: expired });
    expect(decision).toEqual({ kind: "refuse", because: "answer-expired" });
  });

  test("a request with the id of another body is refused", () => {
    const { decision } = decide(origin, { known: anotherBody });
    expect(decision).toEqual({ kind: "refuse", because: "another-body" });
  });

  test("a wrong request is declined with its refusal", () => {
    const { admitted, decision } = decide(origin, { refusal });
    expect(decision).toEqual({ kind: "decline", admitted, refusal });
  });

  test("a request whose deadline had passed when it arrived is declined", () => {
    const { decision } = decide(origin, { deadlineAt: arrivedAt });
    expect(decision).toMatchObject({
      ...{ kind: "decline", refusal: { code: "deadline_exceeded", param: null } },
    });
  });

  test("a deadline that passes during the look-ups does not change the decision", () => {
    expect(decide(origin, { deadlineAt: arrivedAt + 1 }).decision.kind).toBe("admit");
  });

  test("a wrong request is declined for its content, even if its deadline has passed too", () => {
    const { decision } = decide(origin, { refusal, deadlineAt: arrivedAt });
    expect(decision).toMatchObject({ kind: "decline", refusal });
  });
});

describe("over http", () => {
  test("a hit answers a new request, and the outcome is completed at the time of the decision", () => {
    const { decision } = decide("http", { cached: hit });
    expect(decision).toMatchObject({
      ...{ kind: "answer", from: "cache" },
      outcome: {
        ...{ requestId: "r-1", outcome: "completed", attempts: 0, completedAt: now },
        completed: { cache: "exact", costNanoUsd: 0n, attemptId: null },
        decisions: [{ stage: "ingress", decision: "exact-hit" }],
      },
    });
  });

  test("a miss is admitted with its lookup, so that no later stage looks it up again", () => {
    const { admitted, decision } = decide("http", { cached: miss });
    expect(decision).toEqual({ kind: "admit", admitted: { ...admitted, lookup: aMiss } });
  });

  test.each([
    ["has ended", ended, "answer"],
    ["runs", running, "join"],
    ["had another body", anotherBody, "refuse"],
  ])("a hit does not answer the repeat of a request that %s", (_, known, kind) => {
    const { decision } = decide("http", { known, cached: hit });
    expect(decision).toMatchObject({ kind });
    expect(decision).not.toMatchObject({ from: "cache" });
  });

  test("a hit does not answer a wrong request, or one whose deadline has passed", () => {
    expect(decide("http", { cached: hit, refusal }).decision.kind).toBe("decline");
    const late = { cached: hit, deadlineAt: arrivedAt - 1 };
    expect(decide("http", late).decision.kind).toBe("decline");
  });

  test.each([
    ["nothing", nothingKnown],
    ["a running request", running],
    ["an outcome", ended],
    ["an expired answer", expired],
    ["another body", anotherBody],
  ])("a wrong request is declined if %s is known of its id", (_, known) => {
    const { admitted, decision } = decide("http", { known, refusal });
    expect(decision).toEqual({ kind: "decline", admitted, refusal });
  });
});

describe("over kafka", () => {
  test("a stale signature of an unknown request is refused", () => {
    const { decision } = decide("kafka", { isStale: true });
    expect(decision).toEqual({ kind: "refuse", because: "stale-signature" });
  });

  test("a stale signature of an unknown request is refused even if the request is wrong, so that it has no outcome", () => {
    const { decision } = decide("kafka", { isStale: true, refusal });
    expect(decision).toEqual({ kind: "refuse", because: "stale-signature" });
  });

  test.each([
    ["that runs", running, { kind: "join", isAcknowledged: true }],
    ["that was never acknowledged", unacknowledged, { kind: "join", isAcknowledged: false }],
    ["that has ended", ended, { kind: "answer", outcome }],
    ["whose answer has expired", expired, { kind: "refuse", because: "answer-expired" }],
    ["with another body", anotherBody, { kind: "refuse", because: "another-body" }],
  ])("a stale signature does not matter for the id of a request %s", (_, known, expected) => {
    expect(decide("kafka", { isStale: true, known }).decision).toMatchObject(expected);
  });

  test("a repeat that is wrong or late does not decline the request that runs", () => {
    expect(decide("kafka", { known: running, refusal }).decision.kind).toBe("join");
    const late = { known: running, deadlineAt: arrivedAt - 1 };
    expect(decide("kafka", late).decision.kind).toBe("join");
  });

  test("a wrong repeat of a request that was never acknowledged is declined under its first record", () => {
    const { decision } = decide("kafka", { known: unacknowledged, refusal });
    expect(decision).toEqual({ kind: "decline", admitted: first, refusal });
  });

  test("a late repeat of a request that was never acknowledged is declined under its first record", () => {
    const { decision } = decide("kafka", { known: unacknowledged, deadlineAt: arrivedAt - 1 });
    expect(decision).toMatchObject({
      ...{ kind: "decline", admitted: first, refusal: { code: "deadline_exceeded" } },
    });
  });

  test("a wrong repeat of a request that has ended is answered with its outcome", () => {
    expect(decide("kafka", { known: ended, refusal }).decision.kind).toBe("answer");
  });

  test("a wrong request with the id of another body is refused, and not declined", () => {
    const { decision } = decide("kafka", { known: anotherBody, refusal });
    expect(decision).toEqual({ kind: "refuse", because: "another-body" });
  });

  test("a wrong repeat of a request whose answer has expired is refused, and not declined", () => {
    const { decision } = decide("kafka", { known: expired, refusal });
    expect(decision).toEqual({ kind: "refuse", because: "answer-expired" });
  });
});
