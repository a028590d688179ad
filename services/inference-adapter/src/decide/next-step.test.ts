import { refusedOutcome } from "@sluice/request-state";
import { describe, expect, test } from "vitest";
import {
  aDispatched,
  admittedAt,
  aHistory,
  anAttempt,
  large,
} from "../attempt/dispatched.fixture.ts";
import { type AttemptFailure, retryAtOf } from "./failure.ts";
import { failedWith, now, small, stepFor } from "./next-step.fixture.ts";

const readyAt =
  (smallAt: number, largeAt: number) =>
  ({ variant }: { readonly variant: string }): number =>
    variant === "small" ? smallAt : largeAt;

function refusedByAll(code: "request_refused" | "context_length_exceeded") {
  return aHistory({
    attempts: [
      failedWith({ code, status: 400, retryAt: null }),
      failedWith({ code, status: 400, retryAt: null, variant: "large" }, 2),
    ],
  });
}

describe("a request that has ended", () => {
  const outcome = refusedOutcome(aDispatched().admitted, {
    kind: "failed",
    code: "provider_failed",
    reason: "No.",
    attempts: 1,
    lookup: null,
    decisions: [],
    completedAt: now,
  });

  test("is published again from the record, whatever else the record contains", () => {
    const history = aHistory({
      outcome,
      cancelled: true,
      attempts: [anAttempt({ phase: "calling" })],
    });
    expect(stepFor({ history, now: admittedAt + 999_999 })).toEqual({ kind: "publish", outcome });
  });

  test("needs no step once its answer has expired", () => {
    expect(stepFor({ history: aHistory({ answerGone: true }) })).toEqual({ kind: "nothing" });
  });
});

describe("an attempt of another adapter", () => {
  test("is awaited while its lease runs, even beyond the deadline", () => {
    const attempts = [anAttempt({ phase: "calling", leaseLeftMs: 4_000 })];
    expect(stepFor({ history: aHistory({ attempts }), now: admittedAt + 130_000 })).toMatchObject({
      kind: "wait",
      waitMs: 4_000,
    });
  });

  test("that stopped before it called is made again under the same number", () => {
    const attempts = [anAttempt({ phase: "held" })];
    expect(stepFor({ history: aHistory({ attempts }) })).toEqual({
      kind: "attempt",
      number: 1,
      candidate: small,
    });
  });

  test("that stopped before it called is released when the request ends, so that its intent is closed", () => {
    const history = aHistory({ attempts: [anAttempt({ phase: "held" })] });
    expect(stepFor({ history, now: admittedAt + 130_000 })).toEqual({ kind: "release", number: 1 });
    expect(stepFor({ history: { ...history, cancelled: true } })).toEqual({
      kind: "release",
      number: 1,
    });
  });

  test("that stopped during the call is in doubt", () => {
    const attempts = [anAttempt({ phase: "calling" })];
    expect(stepFor({ history: aHistory({ attempts }) })).toEqual({ kind: "doubt", number: 1 });
  });
});

describe("an attempt in doubt", () => {
  const history = aHistory({ attempts: [anAttempt({ phase: "doubt" })] });

  test("is followed by a new attempt if the request allows one", () => {
    expect(stepFor({ history })).toMatchObject({ kind: "attempt", number: 2, candidate: small });
  });

  test("ends the request if it does not allow a new attempt", () => {
    const dispatched = aDispatched({ onDoubt: "fail" });
    expect(stepFor({ history, dispatched })).toMatchObject({
      kind: "end",
      outcome: "failed",
      code: "in_doubt",
    });
  });

  test("is also the result of a time-out", () => {
    const attempts = [failedWith({ code: "timed_out" })];
    const dispatched = aDispatched({ onDoubt: "fail" });
    expect(stepFor({ history: aHistory({ attempts }), dispatched })).toMatchObject({
      code: "in_doubt",
    });
    expect(stepFor({ history: aHistory({ attempts }) })).toMatchObject({
      kind: "attempt",
      candidate: large,
    });
  });
});

describe("a request ends without an answer", () => {
  test("if the client has left", () => {
    expect(stepFor({ history: aHistory({ cancelled: true }) })).toMatchObject({
      outcome: "failed",
      code: "client_closed",
    });
  });

  test("if the deadline has passed: declined before the first call, failed after it", () => {
    const late = admittedAt + 120_000;
    expect(stepFor({ now: late })).toMatchObject({
      outcome: "declined",
      code: "deadline_exceeded",
    });
    const released = aHistory({ attempts: [anAttempt({ phase: "released" })] });
    expect(stepFor({ now: late, history: released })).toMatchObject({ outcome: "declined" });
    const failed = aHistory({ attempts: [failedWith({})] });
    expect(stepFor({ now: late, history: failed })).toMatchObject({
      outcome: "failed",
      code: "deadline_exceeded",
    });
  });

  test("if the adapter of a stream stopped after the stream had begun", () => {
    const history = aHistory({ replyBegan: true, attempts: [anAttempt({ phase: "doubt" })] });
    expect(stepFor({ history })).toMatchObject({ kind: "end", code: "stream_interrupted" });
  });

  test("after four attempts", () => {
    const attempts = [1, 2, 3, 4].map((number) =>
      failedWith({ code: "server_error", retryAt: now - 1 }, number),
    );
    expect(stepFor({ history: aHistory({ attempts }) })).toMatchObject({ code: "provider_failed" });
    expect(stepFor({ history: aHistory({ attempts: attempts.slice(1) }) }).kind).toBe("attempt");
  });

  test("with the client's error if every provider refused the request itself", () => {
    expect(stepFor({ history: refusedByAll("request_refused") })).toMatchObject({
      code: "provider_refused",
    });
    expect(stepFor({ history: refusedByAll("context_length_exceeded") })).toMatchObject({
      code: "context_length_exceeded",
    });
  });
});

test("an answer that was too long is not requested again from the same variant, and the client learns why", () => {
  const dispatched = aDispatched({ candidates: [small] });
  const retryAt = retryAtOf({ code: "answer_too_long", retryAfterMs: null }, 1, now);
  const attempts = [failedWith({ code: "answer_too_long", retryAt })];
  expect(stepFor({ dispatched, history: aHistory({ attempts }) })).toMatchObject({
    code: "provider_failed",
    reason: expect.stringContaining("larger than the 32 MiB"),
  });
});

describe("a request whose providers refuse because of a limit", () => {
  const only = aDispatched({ candidates: [small] });
  const after = (failures: readonly Partial<AttemptFailure>[]) =>
    aHistory({ attempts: failures.map((failure, index) => failedWith(failure, index + 1)) });

  test("ends with the limit of the rate, and when a new request may succeed", () => {
    const history = after([1, 2, 3, 4].map(() => ({ code: "rate_limited", retryAt: now + 4_000 })));
    expect(stepFor({ history })).toMatchObject({
      ...{ outcome: "failed", code: "provider_rate_limited", retryAfterMs: 4_000 },
    });
    const waiting = after([{ code: "rate_limited", retryAt: now + 90_000 }]);
    expect(stepFor({ dispatched: only, history: waiting })).toMatchObject({
      ...{ code: "provider_rate_limited", retryAfterMs: 90_000 },
    });
  });

  test("ends with the time of the last refusal, because the earlier times have passed", () => {
    const history = after([
      { code: "rate_limited", retryAt: now - 9_000 },
      { code: "rate_limited", retryAt: now - 6_000 },
      { code: "rate_limited", retryAt: now - 3_000 },
      { code: "rate_limited", retryAt: now + 3_000 },
    ]);
    expect(stepFor({ dispatched: only, history })).toMatchObject({ retryAfterMs: 3_000 });
  });

  test("ends with the quota of the operator, without another call, whatever the provider's key", () => {
    const history = after([{ code: "quota_exhausted", status: 429, retryAt: null }]);
    expect(stepFor({ dispatched: only, history })).toMatchObject({
      ...{ kind: "end", outcome: "failed", code: "provider_quota_exhausted" },
    });
    expect(stepFor({ history })).toMatchObject({ kind: "attempt", candidate: large });
  });

  test("ends in the same way while the provider rests because of it", () => {
    const resting = (reason: "rate_limited" | "quota_exhausted" | "unauthorized") =>
      stepFor({ readyAt: () => now + 60_000, restsBecause: () => reason });
    expect(resting("rate_limited")).toMatchObject({ code: "provider_rate_limited" });
    expect(resting("quota_exhausted")).toMatchObject({ code: "provider_quota_exhausted" });
    expect(resting("unauthorized")).toMatchObject({ code: "provider_busy", retryAfterMs: 60_000 });
  });

  test("ends with the rate if one provider limits it, because that limit passes", () => {
    const history = after([
      { code: "quota_exhausted", retryAt: null },
      { code: "rate_limited", retryAt: now + 30_000, variant: "large" },
    ]);
    expect(stepFor({ history })).toMatchObject({ code: "provider_rate_limited" });
  });

  test("does not end with a limit if a provider has failed otherwise", () => {
    const history = after([
      { code: "rate_limited", retryAt: now + 30_000 },
      { code: "model_unknown", retryAt: null, variant: "large" },
    ]);
    expect(stepFor({ history })).toMatchObject({ code: "provider_busy", retryAfterMs: 30_000 });
  });
});

test("the client learns the provider's words about its request", () => {
  const words = "Invalid schema for response_format 'verdict'.";
  const failure = { code: "request_refused", status: 400, retryAt: null } as const;
  const attempts = [
    failedWith({ ...failure, words, param: "response_format" }),
    failedWith({ ...failure, variant: "large" }, 2),
  ];
  expect(stepFor({ history: aHistory({ attempts }) })).toMatchObject({
    code: "provider_refused",
    reason: `The provider refused the request (HTTP 400): ${words}`,
    param: "response_format",
  });
  const unsent = [failedWith({ ...failure, status: null, words })];
  const dispatched = aDispatched({ candidates: [small] });
  expect(stepFor({ dispatched, history: aHistory({ attempts: unsent }) })).toMatchObject({
    reason: `The request cannot be sent to the provider: ${words}`,
  });
});

test.each(["answer_empty", "answer_unreadable"] as const)(
  "an answer that is of no use is not requested again from the same variant: %s",
  (code) => {
    const retryAt = retryAtOf({ code, retryAfterMs: null }, 1, now);
    const attempts = [failedWith({ code, retryAt })];
    const step = stepFor({
      dispatched: aDispatched({ candidates: [small] }),
      history: aHistory({ attempts }),
    });
    expect(step).toMatchObject({
      code: "provider_failed",
      reason: expect.stringContaining("The provider's answer"),
    });
  },
);

describe("the candidate", () => {
  test("is the best one first, and the next one after a failure", () => {
    expect(stepFor()).toEqual({ kind: "attempt", number: 1, candidate: small });
    expect(stepFor({ history: aHistory({ attempts: [failedWith({})] }) })).toEqual({
      kind: "attempt",
      number: 2,
      candidate: large,
    });
  });

  test("is the failed one again only after it has rested, and if there is no other", () => {
    const dispatched = aDispatched({ candidates: [small] });
    const history = aHistory({ attempts: [failedWith({ retryAt: now + 700 })] });
    expect(stepFor({ dispatched, history })).toMatchObject({ kind: "wait", waitMs: 700 });
    expect(stepFor({ dispatched, history, now: now + 700 })).toMatchObject({
      kind: "attempt",
      number: 2,
      candidate: small,
    });
  });

  test("is not awaited beyond the deadline, and the client learns when it may be called", () => {
    const dispatched = aDispatched({ candidates: [small] });
    const deadlineAt = admittedAt + 120_000;
    const history = aHistory({
      attempts: [failedWith({ code: "server_error", retryAt: deadlineAt })],
    });
    expect(stepFor({ dispatched, history, now: deadlineAt - 900 })).toMatchObject({
      ...{ kind: "end", outcome: "failed", code: "provider_busy", retryAfterMs: 900 },
    });
  });

  test("is not awaited for longer than 15 s, because other messages would wait too", () => {
    const dispatched = aDispatched({ candidates: [small] });
    const after = (waitMs: number) => {
      const attempts = [failedWith({ code: "server_error", retryAt: now + waitMs })];
      return stepFor({ dispatched, history: aHistory({ attempts }) });
    };
    expect(after(15_000)).toMatchObject({ kind: "wait", waitMs: 15_000 });
    expect(after(15_001)).toMatchObject({ code: "provider_busy", retryAfterMs: 15_001 });
    const resting = stepFor({ readyAt: readyAt(now + 60_000, now + 90_000) });
    expect(resting).toMatchObject({ code: "provider_busy", retryAfterMs: 60_000 });
  });

  test("is not awaited for longer than 15 s in all, however short each wait is", () => {
    const afterWaits = (waitedMs: number) =>
      stepFor({ waitedMs, readyAt: readyAt(now + 2_000, now + 2_000) });
    expect(afterWaits(13_000)).toMatchObject({ kind: "wait", waitMs: 2_000 });
    expect(afterWaits(13_001)).toMatchObject({ code: "provider_busy", retryAfterMs: 2_000 });
    expect(stepFor({ waitedMs: 60_000 })).toMatchObject({ kind: "attempt" });
  });

  test("is the same one at once if only its connection was stale", () => {
    const stale = failedWith({ code: "connection_stale", retryAt: now, status: null });
    expect(stepFor({ history: aHistory({ attempts: [stale] }) })).toMatchObject({
      ...{ kind: "attempt", number: 2, candidate: small },
    });
  });

  test("is skipped while its breaker is open, and awaited if all breakers are", () => {
    expect(stepFor({ readyAt: readyAt(now + 300, 0) })).toMatchObject({ candidate: large });
    expect(stepFor({ readyAt: readyAt(now + 300, now + 900) })).toMatchObject({
      kind: "wait",
      waitMs: 300,
    });
  });

  test("is never awaited if its provider is not declared", () => {
    expect(stepFor({ readyAt: () => Number.POSITIVE_INFINITY })).toMatchObject({
      code: "provider_failed",
    });
  });
});
