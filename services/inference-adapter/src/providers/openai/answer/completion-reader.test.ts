import { describe, expect, test } from "vitest";
import { wireErrorFor } from "../../wire/wire-error.ts";
import { completionErrorIn } from "./completion-reader.ts";

const answer = { id: "c", choices: [{ message: { content: "4" }, finish_reason: "stop" }] };
const toolCall = { choices: [{ message: { tool_calls: [{ function: { name: "f" } }] } }] };

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
    [
      "of MiniMax",
      { choices: null, base_resp: { status_code: 1008, status_msg: "insufficient balance" } },
      { code: "quota_exhausted", status: null, message: "insufficient balance" },
    ],
    [
      "of MiniMax, about the rate",
      { choices: [], usage: { total_tokens: 0 }, base_resp: { status_code: "1002" } },
      { code: "rate_limited" },
    ],
    [
      "of SiliconFlow",
      { code: 20012, message: "Model does not exist.", data: null },
      { code: "model_unknown", message: "Model does not exist." },
    ],
    [
      "with an empty list of data",
      { code: 50_505, message: "Busy", data: [] },
      { message: "Busy" },
    ],
    ["with a usage of zero", { message: "Busy", usage: { total_tokens: 0 } }, { message: "Busy" }],
    [
      "that says that it has no success",
      { id: "r", success: false, message: "No funds", data: null },
      { code: "server_error", message: "No funds" },
    ],
    [
      "with an id and a status",
      { id: "r", message: "Rate limit reached", code: 429 },
      { code: "rate_limited", status: 429 },
    ],
    ["with an id and words", { id: "r", message: "Too Many Requests" }, { code: "rate_limited" }],
    [
      "of Baidu",
      { error_code: 17, error_msg: "Open api daily request limit reached" },
      { code: "rate_limited", message: "Open api daily request limit reached" },
    ],
    [
      "in an object of errors",
      { errors: { message: "Over the limit", code: "rate_limit_exceeded" } },
      { code: "rate_limited", message: "Over the limit" },
    ],
    [
      "in an object of problems",
      { status: 400, errors: { temperature: ["It is too high."] } },
      { message: "temperature: It is too high." },
    ],
    [
      "of DashScope, about the rate",
      { code: "Throttling.RateQuota", message: "Slow down", request_id: "r" },
      { code: "rate_limited" },
    ],
    [
      "of DashScope, about the request",
      { code: "InvalidParameter", message: "top_p is wrong", output: null },
      { code: "request_refused", message: "top_p is wrong" },
    ],
    [
      "with the code of a success, alone",
      { error: { code: 0, message: "Busy" } },
      { status: null },
    ],
    [
      "with the code of a success, of a choice that failed",
      { choices: [{ finish_reason: "error" }], error: { code: 0, message: "Down" } },
      { message: "Down" },
    ],
    ["in a list of texts", { errors: ["", "Busy"] }, { message: "Busy" }],
    ["that is a number", { error: 429, message: "Slow down" }, { code: "rate_limited" }],
    [
      "that is a text next to its status",
      { error: "Not Found", status: 404, path: "/" },
      { code: "model_unknown", status: 404, message: "Not Found" },
    ],
    [
      "of a choice, as text",
      { id: "c", choices: [{ index: 0, finish_reason: "error", error: "Upstream failed" }] },
      { code: "server_error", message: "Upstream failed" },
    ],
    [
      "of Bedrock",
      { __type: "com.amazon#ThrottlingException", Message: "Wait." },
      { code: "rate_limited", message: "Wait." },
    ],
    ["without a member that is known", { error: { reason: "shedding" } }, { code: "server_error" }],
    [
      "next to an answer, with a status",
      { error: { message: "Upstream", code: 502 }, choices: [{ message: { content: "4" } }] },
      { code: "server_error", status: 502 },
    ],
    [
      "next to an answer, with a name",
      { error: { type: "upstream_error" }, choices: [{ message: { content: "4" } }] },
      { code: "server_error" },
    ],
    [
      "about the text of a client",
      { error: "Your input was flagged." },
      { code: "request_refused" },
    ],
  ])("is found: %s", (_, body, expected) => {
    expect(completionErrorIn(body)).toMatchObject(expected);
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
    ["a sign of life with the code of a success", { code: 0, message: "processing", data: null }],
    ["a sign of life with an id", { id: "r", message: "processing" }],
    ["a success", { success: true, code: 200, message: "done" }],
    ["an answer of MiniMax", { ...answer, base_resp: { status_code: 0, status_msg: "" } }],
    ["an answer that MiniMax flags", { ...answer, base_resp: { status_code: 1027 } }],
    [
      "an answer with the status of a success",
      { ...answer, error: { code: 200, message: "success" } },
    ],
    ["an answer with no code", { ...answer, error: { code: "none", message: "" } }],
    ["an answer with a note", { ...answer, error: { code: 0, message: "served from a replica" } }],
    ["an answer with a text that is a note", { ...answer, error: "truncated" }],
    ["an answer with no error as text", { ...answer, error: "none", errors: {} }],
    ["an answer with a code of its own", { ...answer, code: 10_000, message: "Done" }],
    ["an answer that calls a tool", { ...toolCall, error: { code: "1", message: "note" } }],
    ["embeddings with a note", { data: [{ embedding: [1] }], error: { message: "note" } }],
    [
      "the first chunk of an answer with a success",
      { choices: [{ delta: { role: "assistant" } }], error: { code: 200, message: "success" } },
    ],
    [
      "the first chunk of an answer with a note",
      { choices: [{ delta: { content: "" } }], error: { code: 0, message: "from a replica" } },
    ],
    ["nothing", null],
    ["a text", "error"],
    ["a number", 4],
  ])("is not found in %s", (_, body) => {
    expect(completionErrorIn(body)).toBeNull();
  });
});

const tooLarge = "Request too large for model `x` on tokens per minute (TPM): Limit 6000.";

describe("a response with the status of an error", () => {
  test.each([
    [400, {}, "request_refused"],
    [401, {}, "unauthorized"],
    [402, {}, "quota_exhausted"],
    [403, {}, "request_refused"],
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
    [403, "<html>Blocked</html>", "request_refused"],
    [403, { message: "Forbidden" }, "request_refused"],
    [
      403,
      { error: { message: "Flagged", metadata: { reasons: ["violence"] } } },
      "request_refused",
    ],
    [403, { error: { message: "No", metadata: { flagged_input: "x" } } }, "request_refused"],
    [403, { error: { code: 403, message: "Your input was flagged." } }, "request_refused"],
    [403, { error: "Request blocked: the prompt contains an API key" }, "request_refused"],
    [403, { error: { type: "permission_error", message: "No" } }, "unauthorized"],
    [403, { error: { message: "You have no permission for it." } }, "unauthorized"],
    [403, { error: { message: "The API key is disabled." } }, "unauthorized"],
    [403, { error: { message: "Key limit exceeded (total limit)." } }, "quota_exhausted"],
    [401, "<html>", "unauthorized"],
    [413, { error: { code: "rate_limit_exceeded", message: tooLarge } }, "request_refused"],
    [413, { error: { message: "Longer than the context window" } }, "context_length_exceeded"],
    [429, { error: { code: "rate_limit_exceeded", message: tooLarge } }, "request_refused"],
    [429, { error: { code: "rate_limit_exceeded", message: "Wait." } }, "rate_limited"],
    [410, {}, "model_unknown"],
    [424, {}, "server_error"],
    [498, {}, "server_error"],
    [499, {}, "server_error"],
    [451, {}, "request_refused"],
    [400, { __type: "ThrottlingException" }, "rate_limited"],
    [400, { __type: "com.amazon.bedrock#ThrottlingException", message: "Wait" }, "rate_limited"],
    [400, { __type: "ServiceUnavailableException:http://a.b/" }, "server_error"],
    [400, { code: "AccessDeniedException" }, "unauthorized"],
    [400, { type: "ModelNotReadyException" }, "server_error"],
    [400, { __type: "ValidationException", message: "Bad" }, "request_refused"],
    [400, { error: { code: 429, message: "Slow down" } }, "rate_limited"],
    [400, { error: "Incorrect API key provided: xai-ab***cd. Get one." }, "unauthorized"],
    [400, { error: { message: "Invalid API key" } }, "unauthorized"],
    [400, { error: { message: "You didn't provide an API key." } }, "unauthorized"],
    [400, { error: { message: "Your credit balance is too low to use it." } }, "quota_exhausted"],
    [400, { error: { message: "Error 1008: insufficient balance" } }, "quota_exhausted"],
    [400, { error: { message: "Sorry, your account balance is insufficient" } }, "quota_exhausted"],
    // A client can cause errors that quote its text.
    [400, { error: { message: 'Bad value: "Incorrect API key provided"' } }, "request_refused"],
    [400, { error: { message: "Unknown role: insufficient balance" } }, "request_refused"],
    [400, { error: { message: "'Invalid API key' does not name a tool." } }, "request_refused"],
    [401, { error: { message: "The request violates the content policy" } }, "unauthorized"],
  ])("%d with %j is %s", (status, body, code) => {
    expect(wireErrorFor(status, body)).toMatchObject({ status, code });
  });
});

describe("the words of an error", () => {
  const problem = { type: "x", loc: ["body", "temperature"], msg: "It is too high.", input: 9 };
  test.each([
    [{ detail: [problem] }, "temperature: It is too high."],
    [
      { message: { detail: [problem, problem] } },
      "temperature: It is too high.; temperature: It is too high.",
    ],
    [{ detail: [{ loc: ["body", "tools", 0], msg: "No." }] }, "tools.0: No."],
    [{ detail: [{ msg: "No place." }] }, "No place."],
    [{ detail: { message: "In an object." } }, "In an object."],
    [
      { object: "error", message: { detail: [problem] }, type: "x" },
      "temperature: It is too high.",
    ],
    [{ error: { message: [problem] } }, "temperature: It is too high."],
    [{ error: { error: "Deeper." } }, "Deeper."],
    [{ msg: "Short." }, "Short."],
    [{ detail: [] }, null],
  ])("of %j are %s", (body, words) => {
    expect(wireErrorFor(422, body).message).toBe(words);
  });

  test("of many problems are bounded, and read in a bounded time", () => {
    const detail = Array.from({ length: 10_000 }, () => ({ ...problem, msg: "x".repeat(10_000) }));
    expect(wireErrorFor(422, { detail }).message?.length).toBeLessThanOrEqual(2_000);
    for (const piece of ["error", "api key ", "no api ", "a.", "(1", "insufficient "])
      expect(wireErrorFor(400, { error: piece.repeat(300_000) }).code).toBe("request_refused");
  });
});
