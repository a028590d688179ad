import { describe, expect, test } from "vitest";
import { ProviderRefusal, refusedUnlessOk, wordsOf } from "./provider-refusal.ts";

const keys = ["sk-provider-1", "plainsecret", "plainsecret-and-more", "x"];

async function endOf(response: Response) {
  try {
    await refusedUnlessOk(response);
  } catch (error) {
    if (error instanceof ProviderRefusal) return error.end(keys, 0);
    throw error;
  }
  throw new Error("The response is a success.");
}

test("a success passes unchanged", async () => {
  const response = new Response("{}");
  expect(await refusedUnlessOk(response)).toBe(response);
});

test("a refusal keeps its status, its time to wait, and the provider's words about the request", async () => {
  const error = {
    message: "Invalid schema for response_format 'verdict': it has no type.",
    type: "invalid_request_error",
    param: "response_format",
  };
  expect(await endOf(Response.json({ error }, { status: 400 }))).toEqual({
    ...{ kind: "refused", code: "request_refused", status: 400, retryAfterMs: null },
    words: "Invalid schema for response_format 'verdict': it has no type.",
    param: "response_format",
  });
  const headers = { "retry-after": "3" };
  expect(await endOf(new Response("slow down", { status: 429, headers }))).toEqual({
    ...{ kind: "refused", code: "rate_limited", status: 429, retryAfterMs: 3_000 },
  });
});

test.each([
  ["messages[0].content", "messages[0].content"],
  ["tools.0.function", "tools.0.function"],
  ["a text about it", undefined],
  ["plainsecret", undefined],
  ["sk-abc12345", undefined],
  ["p".repeat(201), undefined],
])("the name of a parameter is shown if it is one: %s", async (param, shown) => {
  const end = await endOf(Response.json({ error: { message: "No.", param } }, { status: 400 }));
  expect("param" in end ? end.param : undefined).toBe(shown);
});

test("words about the operator's account are kept from the client", async () => {
  const error = { message: "Incorrect API key provided: sk-provider-1.", code: "invalid_api_key" };
  expect(await endOf(Response.json({ error }, { status: 401 }))).not.toHaveProperty("words");
});

test("a refusal whose body breaks off is a refusal", async () => {
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  expect(await endOf(new Response(body, { status: 400 }))).toMatchObject({
    ...{ kind: "refused", code: "request_refused", status: 400 },
  });
});

test("Gemini's error is read, which is in a list", async () => {
  const body = [{ error: { code: 400, message: "Unknown name.", status: "INVALID_ARGUMENT" } }];
  expect(await endOf(Response.json(body, { status: 400 }))).toMatchObject({
    words: "Unknown name.",
  });
});

describe("the words", () => {
  test("name the parameter at fault, unless they do already", () => {
    expect(wordsOf("Too high.", "temperature", [])).toBe("Too high. (temperature)");
    expect(wordsOf("temperature is too high.", "temperature", [])).toBe("temperature is too high.");
  });

  test.each([
    ["Key sk-provider-1 may not use plainsecret.", "Key [removed] may not use [removed]."],
    ["Key sk-proj-Ab3xY*****9Q2 is limited.", "Key [removed] is limited."],
    ["In organization org-8f3K2 on tokens.", "In organization [removed] on tokens."],
    ["Sent Bearer abc.def.ghi to it.", "Sent [removed] to it."],
    ["AIzaSyA1234567890 is wrong.", "[removed] is wrong."],
    ["Key nvapi-a1B2c3D4 is limited.", "Key [removed] is limited."],
    ["Key hf_AbCdEfGhIjKlMnOpQrStUvWx is limited.", "Key [removed] is limited."],
    ["AKIAIOSFODNN7EXAMPLE is limited.", "[removed] is limited."],
    ["Keys pplx-a1b2c3d4, r8_a1b2c3d4.", "Keys [removed], [removed]."],
    ["Keys fw_3ZabcD12 and tgp_v1_a1B2-c3D4.", "Keys [removed] and [removed]."],
    ["Token eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl ended.", "Token [removed] ended."],
    ["Key 0123456789abcdef0123456789abcdef fails.", "Key [removed] fails."],
    ["Keys ab12****cd34 and ****cd34.", "Keys [removed] and [removed]."],
    ["Key plainsecret-and-more fails.", "Key [removed] fails."],
    ["See https://u:p@host.corp/v1?key=1, or not.", "See [removed], or not."],
    ["Call (http://llm.internal:8000/v1) failed.", "Call ([removed]) failed."],
    ["Host 10.0.3.7:8000 or gpu-1.ml.svc.cluster.local:80.", "Host [removed] or [removed]."],
    ["Ask ann@example.org about arn:aws:iam::123:user/b.", "Ask [removed] about [removed]."],
    [
      "In wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ, request req_011CSHoEeqs5C35K2UUqR7Fy.",
      "In [removed], request [removed].",
    ],
    [
      "Organization 1a2b3c4d-1234-5678-9abc-1234567890ab is over.",
      "Organization [removed] is over.",
    ],
    ["Key x is wrong, x.", "Key [removed] is wrong, [removed]."],
  ])("hold no secret of the operator: %s", (message, shown) => {
    expect(wordsOf(message, null, keys)).toBe(shown);
  });

  test.each([
    "The member sk-identifier is unknown.",
    "max_tokens must be below 2**31, and top_p, n and logit_bias.50256 in range.",
    "Invalid 'tools[0].function.parameters': hf_tokenizer and **strict** are unknown.",
    "The model gpt-4o-mini-2024-07-18 has no response_format.json_schema.schema.properties.a1.",
    "Use one of: low, medium, high (ratio 16:9), or organization-wide task-12345.",
    "messages.0.content: Basic usage of fw_x is xor.",
  ])("keep ordinary words and names: %s", (message) => {
    expect(wordsOf(message, null, keys)).toBe(message);
  });

  test("have the parameter at fault cleaned and within their length too", () => {
    expect(wordsOf("Unknown.", "sk-abc12345", keys)).toBe("Unknown. ([removed])");
    expect(wordsOf("Unknown.", "plainsecret", keys)).toBe("Unknown. ([removed])");
    expect(wordsOf("Unknown.", "p".repeat(100_000), keys)).toBe("Unknown.");
    expect(wordsOf("Unknown.", "p".repeat(1_000), keys)).toHaveLength(500);
    expect(wordsOf("y".repeat(600), "temperature", keys)).toHaveLength(500);
  });

  test("show no half of a secret at their end, although what is before it is shortened", () => {
    const before = `https://a.b/${"c".repeat(1_985)} `;
    const words = wordsOf(`${before}plainsecret ${"d ".repeat(900)}`, null, keys);
    expect(words).not.toContain("plain");
    expect(words.length).toBeLessThanOrEqual(500);
  });

  test("are one line of at most 500 characters", () => {
    expect(wordsOf("a\n\n b", null, [])).toBe("a b");
    expect(wordsOf("x".repeat(10_000), null, [])).toHaveLength(500);
  });
});
