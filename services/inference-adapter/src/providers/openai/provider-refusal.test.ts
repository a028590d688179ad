import { describe, expect, test } from "vitest";
import { ProviderRefusal, refusedUnlessOk, wordsOf } from "./provider-refusal.ts";

const keys = ["sk-provider-1", "plainsecret"];

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
  });
  const headers = { "retry-after": "3" };
  expect(await endOf(new Response("slow down", { status: 429, headers }))).toEqual({
    ...{ kind: "refused", code: "rate_limited", status: 429, retryAfterMs: 3_000 },
  });
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
    ["The member sk-identifier is unknown.", "The member sk-identifier is unknown."],
  ])("hold no secret of the operator: %s", (message, shown) => {
    expect(wordsOf(message, null, keys)).toBe(shown);
  });

  test("are one line of at most 500 characters", () => {
    expect(wordsOf("a\n\n b", null, [])).toBe("a b");
    expect(wordsOf("x".repeat(10_000), null, [])).toHaveLength(500);
  });
});
