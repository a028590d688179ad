import { suiteKeys, SuiteTopics } from "@sluice/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chat, Edge } from "./edge.ts";

let suite: SuiteTopics;
let edge: Edge;

beforeAll(async () => {
  suite = await SuiteTopics.open("refusals");
  edge = await Edge.start(suite.environment);
});
afterAll(async () => {
  await edge?.stop();
  await suite?.close();
});

interface Answer {
  readonly status: number;
  readonly error: Readonly<Record<"code" | "type" | "param" | "message", string | null>>;
}

async function answerOf(pending: Response | Promise<Response>): Promise<Answer> {
  const response = await pending;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- OpenAI's envelope
  const { error } = (await response.json()) as Pick<Answer, "error">;
  return { status: response.status, error };
}

const good = chat("Who goes there?");

test.each([
  ["a missing key", {}],
  ["another scheme", { authorization: `Basic ${suiteKeys.acme}` }],
  ["an unknown id", { authorization: "Bearer sk-sluice-unknown-open-sesame-of-acme" }],
  ["a wrong secret", { authorization: `Bearer ${suiteKeys.acme}x` }],
  ["another key's secret", { authorization: "Bearer sk-sluice-globex-open-sesame-of-acme" }],
  ["a revoked key", { authorization: `Bearer ${suiteKeys.revoked}` }],
])("%s is a 401, and the answer does not say what is wrong with the key", async (_, given) => {
  const response = await fetch(`${edge.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...given },
    body: JSON.stringify(good),
  });
  const answer = await answerOf(response);
  expect(answer).toMatchObject({
    status: 401,
    error: { code: "invalid_api_key", type: "authentication_error", param: null },
  });
  expect(answer.error.message).toContain("missing, unknown or revoked");
});

test.each<readonly [string, unknown, number, string, string | null, string]>([
  ["text that is not JSON", '{"model":', 400, "invalid_json", null, "not a JSON object"],
  ["an empty body", "", 400, "invalid_json", null, "has no body; send a JSON object"],
  ["a JSON array", "[]", 400, "invalid_value", null, "expected object"],
  ["no messages", { model: "auto" }, 400, "invalid_value", "messages", "expected array"],
  [
    "an empty list of messages",
    { model: "auto", messages: [] },
    400,
    "invalid_value",
    "messages",
    ">=1 items",
  ],
  [
    "an unknown role",
    chat("x", { messages: [{ role: "god", content: "x" }] }),
    400,
    "invalid_value",
    "messages.0.role",
    '"assistant"',
  ],
  [
    "an unknown parameter",
    chat("x", { best_of: 3 }),
    400,
    "unknown_parameter",
    "best_of",
    "Remove it",
  ],
  [
    "a value out of range",
    chat("x", { temperature: 3 }),
    400,
    "invalid_value",
    "temperature",
    "<=2",
  ],
  ["a negative limit", chat("x", { max_tokens: -1 }), 400, "invalid_value", "max_tokens", ">=1"],
  [
    "an absurd limit",
    chat("x", { max_completion_tokens: 1e9 }),
    400,
    "invalid_value",
    "max_completion_tokens",
    "<=1000000",
  ],
  ["an absurd number of answers", chat("x", { n: 1e6 }), 400, "invalid_value", "n", "<=16"],
  [
    "an unknown model",
    chat("x", { model: "gpt-17" }),
    404,
    "model_not_found",
    "model",
    "GET /v1/models",
  ],
  [
    "a body that overflows stacks",
    `{"stop":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
    400,
    "invalid_value",
    null,
    "flatten it",
  ],
  [
    "a body above 768 KiB",
    chat("x".repeat(768 * 1024)),
    413,
    "body_too_large",
    null,
    "exceeds 768 KiB; shorten it, and send images by their URL",
  ],
])(
  "%s is refused in OpenAI's envelope, which names the member and the remedy",
  async (_, body, status, code, param, says) => {
    expect(await answerOf(edge.post(body))).toEqual({
      status,
      error: { code, param, type: "invalid_request_error", message: expect.stringContaining(says) },
    });
  },
);

test.each([
  ["x-sluice-lane", "fast"],
  ["x-sluice-max-cost-usd", "cheap"],
  ["x-sluice-required-accuracy", "1.5"],
  ["x-sluice-deadline", "tomorrow"],
  ["x-sluice-cache", "maybe"],
  ["x-sluice-run", "two words"],
])("a wrong header %s is refused by name", async (name, value) => {
  expect(await answerOf(edge.post(good, { [name]: value }))).toMatchObject({
    status: 400,
    error: { code: "invalid_header", param: name },
  });
});

test("a wrong key is reported before a wrong header, and a wrong header before a wrong body", async () => {
  const key = { authorization: "Bearer sk-sluice-unknown-open-sesame-of-acme" };
  const header = { "x-sluice-lane": "fast" };
  const body = { model: "gpt-17", messages: [] };
  const codes = await Promise.all(
    [edge.post(body, { ...key, ...header }), edge.post(body, header), edge.post(body)].map(
      async (answer) => (await answerOf(answer)).error.code,
    ),
  );
  expect(codes).toEqual(["invalid_api_key", "invalid_header", "invalid_value"]);
});

test("another media type is a 415 and another path is a 404, both in OpenAI's envelope", async () => {
  expect(await answerOf(edge.post("model=auto", { "content-type": "text/csv" }))).toMatchObject({
    status: 415,
    error: { code: "unsupported_media_type" },
  });
  expect(await answerOf(fetch(`${edge.url}/v1/engines`))).toMatchObject({
    status: 404,
    error: { code: "not_found", type: "invalid_request_error" },
  });
  expect(await answerOf(fetch(`${edge.url}/v1/models/%zz`))).toMatchObject({
    status: 404,
    error: { code: "not_found" },
  });
});

test("a request with a deadline in the past is a 504 at once and is not admitted", async () => {
  const past = { "x-sluice-deadline": "2020-01-01T00:00:00Z" };
  expect(await answerOf(edge.post(good, past))).toMatchObject({
    status: 504,
    error: { code: "deadline_exceeded" },
  });
});

test("auto, the tiers and the variants are listed as models, for an authenticated client only", async () => {
  const headers = { authorization: `Bearer ${suiteKeys.globex}` };
  const list = await fetch(`${edge.url}/v1/models`, { headers });
  const ids = ["auto", "economy", "standard", "premium", "small", "middle", "large"];
  expect(await list.json()).toMatchObject({ data: ids.map((id) => ({ id })) });
  expect((await fetch(`${edge.url}/v1/models/small`, { headers })).status).toBe(200);
  expect(await answerOf(fetch(`${edge.url}/v1/models/gpt-17`, { headers }))).toMatchObject({
    status: 404,
    error: { code: "model_not_found", param: "model" },
  });
  expect((await answerOf(fetch(`${edge.url}/v1/models`))).status).toBe(401);
});
