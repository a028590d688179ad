import type { RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { callProvider, embed } from "../provider.contract.ts";
import { json, serve, stopServing } from "../wire/answering-server.fixture.ts";
import { AnthropicProvider } from "./anthropic-provider.ts";

afterEach(stopServing);

async function call(listener: RequestListener) {
  return callProvider(await serve(listener, {}, AnthropicProvider), { prompt: "x" });
}

describe("a refusal", () => {
  const error = (type: string, text = "No.") => ({
    ...{ type: "error", error: { type, message: text }, request_id: "req_1" },
  });

  test.each([
    [400, "invalid_request_error", "request_refused"],
    [401, "authentication_error", "unauthorized"],
    [402, "billing_error", "quota_exhausted"],
    [403, "permission_error", "unauthorized"],
    [404, "not_found_error", "model_unknown"],
    [413, "request_too_large", "request_refused"],
    [429, "rate_limit_error", "rate_limited"],
    [500, "api_error", "server_error"],
    [504, "timeout_error", "server_error"],
    [529, "overloaded_error", "server_error"],
  ] as const)("with HTTP %i %s is %s, and is not retried", async (status, type, code) => {
    let calls = 0;
    const listener: RequestListener = (request, response) => {
      calls += 1;
      json(error(type), status)(request, response);
    };
    expect((await call(listener)).end).toMatchObject({ kind: "refused", code, status });
    expect(calls).toBe(1);
  });

  test.each([
    [429, "rate_limit_error", "enforced_spend_limit_reached", "quota_exhausted"],
    [429, "rate_limit_error", "contract_spend_limit_reached", "quota_exhausted"],
    [429, "rate_limit_error", "ramp_limit_exceeded", "rate_limited"],
    [402, "billing_error", "linked_organization_billing_unavailable", "quota_exhausted"],
    [400, "invalid_request_error", "organization_on_hold", "unauthorized"],
    [400, "invalid_request_error", "image_dimensions_too_large", "request_refused"],
  ] as const)(
    "with HTTP %i %s and the details %s is %s",
    async (status, type, error_code, code) => {
      const body = { type: "error", error: { type, message: "No.", details: { error_code } } };
      expect((await call(json(body, status))).end).toMatchObject({ kind: "refused", code, status });
    },
  );

  test.each([
    ["Your credit balance is too low to access the Anthropic API.", "quota_exhausted"],
    ["You have reached your specified API usage limits.", "quota_exhausted"],
    ["You have reached your specified workspace API usage limits.", "quota_exhausted"],
    ["This organization has been disabled.", "unauthorized"],
    ["prompt is too long: 208310 tokens > 200000 maximum", "context_length_exceeded"],
    [
      "input length and `max_tokens` exceed context limit: 196817 + 20000 > 200000, decrease input",
      "context_length_exceeded",
    ],
  ])("with the words %j is %s, whatever its type", async (words, code) => {
    const { end } = await call(json(error("invalid_request_error", words), 400));
    expect(end).toMatchObject({ kind: "refused", code });
  });

  test("about the request has the provider's words for the client, and how long to wait", async () => {
    const { end } = await call((_, response) => {
      response.writeHead(400, { "content-type": "application/json", "retry-after": "7" });
      response.end(JSON.stringify(error("invalid_request_error", "max_tokens: too large")));
    });
    expect(end).toMatchObject({ words: "max_tokens: too large", retryAfterMs: 7_000 });
  });

  test("is made here if the API cannot answer the request, without a call", async () => {
    let calls = 0;
    const provider = await serve(
      (_, response) => {
        calls += 1;
        response.end();
      },
      {},
      AnthropicProvider,
    );
    expect((await callProvider(provider, { prompt: "x", parameters: { n: 2 } })).end).toEqual({
      ...{ kind: "refused", code: "request_refused", status: null, retryAfterMs: null },
      words:
        "'n' is not supported by Anthropic's API: it has no such parameter. Remove it, or name another model.",
      param: "n",
    });
    expect(await embed(provider, ["a river"])).toMatchObject({ code: "request_refused" });
    expect(calls).toBe(0);
  });
});
