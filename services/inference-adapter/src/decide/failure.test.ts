import { expect, test } from "vitest";
import { decodeFailure, encodeFailure, retryAtOf } from "./failure.ts";

test("a failure is read as it was written, and a text of unknown form is read as no failure", () => {
  const failure = { code: "rate_limited", variant: "small", status: 429, retryAt: 7 } as const;
  expect(decodeFailure(encodeFailure(failure))).toEqual(failure);
  expect(
    [null, "released", "{}", '{"code":"new","variant":"a","retryAt":1}'].map(decodeFailure),
  ).toEqual([null, null, null, null]);
});

function after(retryAfterMs: number | null, number: number): number | null {
  return retryAtOf({ code: "server_error", retryAfterMs }, number, 1_000);
}

test("the time that the provider asks for replaces the back-off, which doubles", () => {
  expect(after(3_000, 1)).toBe(4_000);
  expect(after(0, 1)).toBe(1_000);
  expect([1, 2, 3].map((number) => after(null, number))).toEqual([1_500, 2_000, 3_000]);
});

test("a refused key, model or request is not retried", () => {
  for (const code of ["unauthorized", "model_unknown", "request_refused"] as const)
    expect(retryAtOf({ code, retryAfterMs: 1 }, 1, 0)).toBeNull();
});
