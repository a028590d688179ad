import OpenAI from "openai";
import { expect, test } from "vitest";
import { finalCodeOf } from "./steady-load.ts";

function apiError(status: number | undefined, code: string, headers: Record<string, string> = {}) {
  return new OpenAI.APIError(status, { code }, undefined, new Headers(headers));
}

test("a client does not repeat a request whose error is final, or that is wrong", () => {
  expect(finalCodeOf(apiError(504, "deadline_exceeded", { "x-should-retry": "false" }))).toBe(
    "deadline_exceeded",
  );
  expect(finalCodeOf(apiError(400, "invalid_value"))).toBe("invalid_value");
  expect(finalCodeOf(apiError(undefined, "stream_interrupted"))).toBe("stream_interrupted");
});

test("a client repeats a request after an outage, an overload, a broken connection or a broken stream", () => {
  expect(finalCodeOf(apiError(503, "unavailable"))).toBeUndefined();
  expect(finalCodeOf(apiError(429, "overloaded"))).toBeUndefined();
  expect(finalCodeOf(apiError(undefined, "unavailable"))).toBeUndefined();
  expect(finalCodeOf(new OpenAI.APIConnectionError({ message: "refused" }))).toBeUndefined();
  expect(finalCodeOf(new Error("The stream ended without a finish reason."))).toBeUndefined();
});
