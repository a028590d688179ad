import { expect, test } from "vitest";
import { refusalOf, valueOf } from "./parsed.fixture.ts";
import { parseHeaders } from "./request-headers.ts";

const now = Date.parse("2026-06-01T12:00:00Z");
const result = (given: Readonly<Record<string, string | string[]>>) => parseHeaders(given, now);
const parsed = (given: Readonly<Record<string, string>>) => valueOf(result(given));

test("a header that is absent has its default", () => {
  expect(parsed({ authorization: "whatever" })).toEqual({
    ...{ idempotencyKey: null, retryCount: 0, cacheMode: "automatic", lane: "realtime" },
    ...{ requiredAccuracy: null, maxLatencyMs: null, maxCostNanoUsd: null, deadlineAt: null },
    ...{ sessionId: null, runId: null, stepId: null, user: null, feature: null },
  });
});

test("every header is read, and amounts are exact", () => {
  expect(
    parsed({
      "idempotency-key": "order 7",
      "x-stainless-retry-count": "2",
      "x-sluice-cache": "no-store",
      "x-sluice-required-accuracy": "0.85",
      "x-sluice-max-latency-ms": "1500",
      "x-sluice-max-cost-usd": "0.000000001",
      "x-sluice-lane": "any",
      "x-sluice-session": "s-1",
      "x-sluice-run": "r-1",
      "x-sluice-step": "7",
      "x-sluice-user": "ada@acme.example",
      "x-sluice-feature": "beta.search",
    }),
  ).toEqual({
    ...{ idempotencyKey: "order 7", retryCount: 2, cacheMode: "no_store", lane: "any" },
    ...{ requiredAccuracy: 0.85, maxLatencyMs: 1500, maxCostNanoUsd: 1n, deadlineAt: null },
    ...{ sessionId: "s-1", runId: "r-1", stepId: "7" },
    ...{ user: "ada@acme.example", feature: "beta.search" },
  });
});

test("a deadline is a number of seconds from now, or a time with its offset", () => {
  expect(parsed({ "x-sluice-deadline": "2.5" }).deadlineAt).toBe(now + 2_500);
  expect(parsed({ "x-sluice-deadline": "2026-06-01T14:00:00+02:00" }).deadlineAt).toBe(now);
});

test.each([
  ["idempotency-key", ""],
  ["idempotency-key", "x".repeat(256)],
  ["idempotency-key", "clé"],
  ["x-stainless-retry-count", "-1"],
  ["x-sluice-cache", "No-Store"],
  ["x-sluice-cache", "constructor"],
  ["x-sluice-required-accuracy", "1.01"],
  ["x-sluice-max-latency-ms", "1.5"],
  ["x-sluice-max-cost-usd", "1e-3"],
  ["x-sluice-max-cost-usd", "0.0000000001"],
  ["x-sluice-deadline", "2026-06-01"],
  ["x-sluice-deadline", "2026-06-01T25:00:00Z"],
  ["x-sluice-lane", "fast"],
  ["x-sluice-run", "two words"],
])("%s: '%s' is refused, and the refusal names the header", (name, value) => {
  expect(refusalOf(result({ [name]: value }))).toMatchObject({
    ...{ kind: "refused", code: "invalid_header", param: name },
  });
});

test("the refusal names the first of several wrong headers", () => {
  const wrong = { "x-sluice-step": "two words", "idempotency-key": "" };
  expect(refusalOf(result(wrong)).param).toBe("idempotency-key");
});

test("a header that is given twice is refused", () => {
  expect(refusalOf(result({ "x-sluice-run": ["a", "b"] })).reason).toContain("x-sluice-run");
});
