import { expect, test } from "vitest";
import { kindOfStatus } from "./answer.ts";
import { pauseBeforeRetry, retryAfterMsOf } from "./retry.ts";

const refused = (status: number, retryAfterMs: number | null = null) =>
  ({ kind: "refused", status, retryAfterMs }) as const;

test.each([429, 503])(
  "%d means that nothing was decided yet, so the request is retried",
  (status) => {
    expect(pauseBeforeRetry(refused(status), 1, 1)).toBe(250);
  },
);

test.each([400, 402, 409, 500, 502, 504])(
  "%d is final, so the request is not retried",
  (status) => {
    expect(pauseBeforeRetry(refused(status), 1, 0)).toBeUndefined();
  },
);

test("pauses double, have jitter, and are as long as retry-after asks, up to 15 s", () => {
  const none = { kind: "no-answer" } as const;
  expect([1, 2, 3, 4, 5].map((tries) => pauseBeforeRetry(none, tries, 1))).toEqual([
    250, 500, 1_000, 2_000, 4_000,
  ]);
  expect(pauseBeforeRetry(none, 1, 0)).toBe(125);
  expect(pauseBeforeRetry(refused(503, 3_000), 1, 0)).toBe(3_000);
  expect(pauseBeforeRetry(refused(429, 3_600_000), 1, 0)).toBe(15_000);
});

test("a request is sent at most six times", () => {
  expect(pauseBeforeRetry({ kind: "no-answer" }, 6, 0)).toBeUndefined();
});

test("retry-after is read in seconds, and any other form is ignored", () => {
  expect(retryAfterMsOf("2")).toBe(2_000);
  expect(retryAfterMsOf(null)).toBeNull();
  expect(retryAfterMsOf("Wed, 21 Oct 2026 07:28:00 GMT")).toBeNull();
});

test("a status about the request itself is declined, and any other error status is failed", () => {
  expect([400, 401, 402, 404, 409, 413].map(kindOfStatus)).toEqual(Array(6).fill("declined"));
  expect([429, 499, 500, 502, 503, 504].map(kindOfStatus)).toEqual(Array(6).fill("failed"));
});
