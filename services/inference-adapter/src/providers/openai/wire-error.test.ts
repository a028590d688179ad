import { describe, expect, test } from "vitest";
import { wireErrorFor, wireErrorIn } from "./wire-error.ts";

describe("an error in a successful response", () => {
  test.each([
    [
      "with the status of HTTP as its code",
      { error: { message: "Rate limit exceeded: free-models-per-day", code: 429 }, user_id: "u" },
      { code: "rate_limited", status: 429, message: "Rate limit exceeded: free-models-per-day" },
    ],
    [
      "with the status as text",
      { error: { message: "No credits", code: "402" } },
      { code: "quota_exhausted", status: 402 },
    ],
    [
      "of Gemini, whose status is a name",
      { error: { code: 429, message: "Quota", status: "RESOURCE_EXHAUSTED" } },
      { code: "rate_limited", status: 429 },
    ],
    [
      "with a name only",
      { error: { message: "You exceeded your quota", type: "insufficient_quota" } },
      { code: "quota_exhausted", status: null },
    ],
    [
      "about the request",
      { error: { message: "Bad schema", type: "invalid_request_error", param: "response_format" } },
      { code: "request_refused", parameter: "response_format" },
    ],
    ["that is a text", { error: "model is loading" }, { code: "server_error" }],
    [
      "of vLLM, which has no member for it",
      { object: "error", message: "Not found", type: "NotFoundError", code: 404 },
      { code: "model_unknown", status: 404 },
    ],
    [
      "of Anthropic",
      { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
      { code: "server_error", message: "Overloaded" },
    ],
    [
      "in a list",
      { errors: [{ message: "Over the limit", code: "rate_limit_exceeded" }] },
      { code: "rate_limited" },
    ],
    ["of FastAPI", { detail: "Internal Server Error" }, { code: "server_error" }],
    ["of a proxy", { message: "no upstream" }, { code: "server_error", message: "no upstream" }],
    ["that is only flagged", { error: true, message: "Down" }, { message: "Down" }],
    [
      "that is passed on from another server",
      { error: { error: { message: "Slow down", code: 429 } } },
      { code: "rate_limited", message: "Slow down" },
    ],
    [
      "in a choice",
      { id: "c", choices: [{ index: 0, error: { code: 502, message: "Upstream" } }] },
      { code: "server_error", status: 502 },
    ],
    [
      "next to empty choices",
      { error: { message: "Busy", code: "server_error" }, choices: [] },
      { code: "server_error" },
    ],
  ])("is found: %s", (_, body, expected) => {
    expect(wireErrorIn(body)).toMatchObject(expected);
  });

  test.each([
    ["an answer", { id: "c", choices: [{ message: { content: "error" } }] }],
    ["an answer with an empty error", { choices: [{}], error: null }],
    ["an answer with an error without words", { choices: [{}], error: { message: "", code: 0 } }],
    ["an answer with a message of its own", { choices: [], message: "ok", usage: {} }],
    ["a chunk", { object: "chat.completion.chunk", choices: [], usage: null }],
    ["embeddings", { object: "list", data: [], message: "ok" }],
    ["an empty list of errors", { choices: [{}], errors: [] }],
    ["a sign of life", { type: "ping" }],
    ["nothing", null],
    ["a text", "error"],
    ["a number", 4],
  ])("is not found in %s", (_, body) => {
    expect(wireErrorIn(body)).toBeNull();
  });
});

describe("a response with the status of an error", () => {
  test.each([
    [400, {}, "request_refused"],
    [401, {}, "unauthorized"],
    [402, {}, "quota_exhausted"],
    [403, {}, "unauthorized"],
    [404, {}, "model_unknown"],
    [408, {}, "server_error"],
    [413, {}, "request_refused"],
    [422, {}, "request_refused"],
    [429, {}, "rate_limited"],
    [500, {}, "server_error"],
    [529, {}, "server_error"],
    // A wrong address of the provider, which is not the client's fault.
    [302, "<html>", "server_error"],
    [429, { error: { code: "insufficient_quota" } }, "quota_exhausted"],
    [429, { error: { type: "insufficient_quota", code: null } }, "quota_exhausted"],
    [403, { error: { code: "insufficient_quota" } }, "quota_exhausted"],
    [400, { error: { code: "billing_not_active" } }, "quota_exhausted"],
    [400, { error: { code: "context_length_exceeded" } }, "context_length_exceeded"],
    [
      400,
      { object: "error", message: "This model's maximum context length is 4096 tokens." },
      "context_length_exceeded",
    ],
    [400, { error: { message: "API key not valid. Please pass one." } }, "unauthorized"],
    [404, { error: { type: "invalid_request_error", code: "model_not_found" } }, "model_unknown"],
    // OpenAI gives this type to most of its errors.
    [401, { error: { type: "invalid_request_error" } }, "unauthorized"],
    [500, { error: { message: "context window service failed" } }, "server_error"],
    [503, undefined, "server_error"],
  ])("%d with %j is %s", (status, body, code) => {
    expect(wireErrorFor(status, body)).toMatchObject({ status, code });
  });
});
