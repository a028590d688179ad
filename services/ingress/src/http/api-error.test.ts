import { anAdmission } from "@sluice/testing/fixtures";
import { refusedOutcome } from "@sluice/request-state";
import { expect, test } from "vitest";
import { type RefusalCode, refused } from "../request/refusal.ts";
import {
  answerExpired,
  ApiError,
  errorOfRefusal,
  errorOfRefused,
  unavailable,
} from "./api-error.ts";

test.each<readonly [RefusalCode, number, string]>([
  ["body_too_large", 413, "invalid_request_error"],
  ["deadline_exceeded", 504, "server_error"],
  ["invalid_header", 400, "invalid_request_error"],
  ["invalid_json", 400, "invalid_request_error"],
  ["invalid_value", 400, "invalid_request_error"],
  ["model_not_found", 404, "invalid_request_error"],
  ["unknown_parameter", 400, "invalid_request_error"],
  ["unsupported_parameter", 400, "invalid_request_error"],
])("a request that is refused as %s is answered with %i", (code, status, type) => {
  const error = errorOfRefusal(refused(code, "It is wrong.", "model"));
  // SDKs repeat a 5xx, and no 4xx of these.
  const headers = status < 500 ? {} : { "x-should-retry": "false" };
  expect([error.status, error.headers]).toEqual([status, headers]);
  expect(error.envelope()).toEqual({
    error: { message: "It is wrong.", type, param: "model", code },
  });
});

test.each([
  ["another-body", "idempotency_conflict"],
  ["answer-expired", "answer_expired"],
] as const)("a key that is refused for %s is a 409 that SDKs do not repeat", (because, code) => {
  expect(errorOfRefused(because)).toMatchObject({
    ...{ status: 409, code, param: "idempotency-key" },
    headers: { "x-should-retry": "false" },
  });
});

test.each([
  ["budget_exceeded", 402, "insufficient_quota"],
  ["client_closed", 499, "invalid_request_error"],
  ["context_length_exceeded", 400, "invalid_request_error"],
  ["deadline_exceeded", 504, "server_error"],
  ["in_doubt", 502, "server_error"],
  ["internal_error", 500, "server_error"],
  ["lane_unavailable", 400, "invalid_request_error"],
  ["no_variant_fits", 400, "invalid_request_error"],
  ["provider_failed", 502, "server_error"],
  ["provider_quota_exhausted", 503, "server_error"],
  ["provider_rate_limited", 429, "rate_limit_error"],
  ["provider_refused", 400, "invalid_request_error"],
  ["shed", 503, "server_error"],
  ["stream_interrupted", 502, "server_error"],
  ["a_code_of_a_later_version", 500, "server_error"],
])("an outcome with the code %s is final and answered with %i", (code, status, type) => {
  const outcome = refusedOutcome(anAdmission(), {
    ...{ kind: "declined", code, reason: "As decided.", attempts: 0 },
    ...{ lookup: null, decisions: [], completedAt: 0 },
  });
  expect(ApiError.ofOutcome(outcome)).toMatchObject({
    ...{ status, code, type, message: "As decided.", param: null },
    headers: { "x-should-retry": "false" },
  });
});

test("an outcome with the provider's name of the parameter at fault keeps it", () => {
  const outcome = refusedOutcome(anAdmission(), {
    ...{ kind: "failed", code: "provider_refused", reason: "No.", attempts: 1 },
    ...{ lookup: null, decisions: [], completedAt: 0, param: "response_format" },
  });
  expect(ApiError.ofOutcome(outcome).envelope()).toMatchObject({
    error: { code: "provider_refused", param: "response_format" },
  });
});

test("an answer that has expired is a 409 that SDKs do not repeat", () => {
  expect(answerExpired()).toMatchObject({
    ...{ status: 409, code: "answer_expired", headers: { "x-should-retry": "false" } },
  });
});

test("an outage is a 503 with the time after which the client may try again", () => {
  expect(unavailable("unavailable", "Try again.")).toMatchObject({
    ...{ status: 503, type: "server_error", headers: { "retry-after": "1" } },
  });
});

test("an outcome that says when a new request may succeed has a retry-after in whole seconds, and one in milliseconds", () => {
  const ended: Parameters<typeof refusedOutcome>[1] = {
    ...{ kind: "failed" as const, code: "provider_busy", reason: "Wait.", attempts: 1 },
    ...{ lookup: null, decisions: [], completedAt: 1 },
  };
  const busy = ApiError.ofOutcome(
    refusedOutcome(anAdmission(), { ...ended, retryAfterMs: 600_001 }),
  );
  expect(busy.status).toBe(503);
  expect(busy.headers).toEqual({
    ...{ "retry-after": "601", "retry-after-ms": "600001" },
    "x-should-retry": "false",
  });
  expect(ApiError.ofOutcome(refusedOutcome(anAdmission(), ended)).headers).toEqual({
    "x-should-retry": "false",
  });
});
