import Anthropic, {
  APIConnectionTimeoutError,
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from "@anthropic-ai/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { countTokens } from "../tokens.ts";
import { key, named, startTestSimulator, type TestSimulator } from "../simulator.fixture.ts";

type Body = Anthropic.MessageCreateParamsNonStreaming;

const economy = "sim-anthropic-economy";
const standard = "sim-anthropic-standard";
const prompt: Body = {
  model: economy,
  max_tokens: 500,
  messages: [{ role: "user", content: "Name three rivers." }],
};
const thinking: Body = {
  ...prompt,
  model: standard,
  max_tokens: 2_000,
  thinking: { type: "enabled", budget_tokens: 1_024 },
};
const pay: Anthropic.Tool = {
  name: "pay",
  input_schema: { type: "object", properties: { amount: { type: "integer" } } },
};

let simulator: TestSimulator;
let client: Anthropic;
beforeAll(async () => {
  simulator = await startTestSimulator();
  client = clientWith(key);
});
afterAll(() => simulator.close());
beforeEach(async () => void (await simulator.control("DELETE", "/bill")));
afterEach(async () => void (await simulator.control("DELETE", "/script")));

describe("Anthropic's client", () => {
  it("gets a whole message whose usage equals the billed one", async () => {
    const message = await client.messages.create(prompt, named("a1"));
    expect(message).toMatchObject({
      ...{ type: "message", role: "assistant", model: economy, stop_sequence: null },
      ...{ stop_reason: "end_turn", stop_details: null },
      content: [{ type: "text", text: expect.stringMatching(/^\[simulated\] /) }],
    });
    const { input_tokens: input, output_tokens: output } = message.usage;
    expect(message.usage).toMatchObject({ service_tier: "standard", cache_read_input_tokens: 0 });
    expect(await simulator.billed("a1")).toMatchObject({
      ...{ calls: 1, status: "billed", reason: "answered", stream: false, model: economy },
      usage: {
        ...{ inputTokens: input, cachedInputTokens: 0, cacheWriteTokens: 0 },
        ...{ cacheWriteHourTokens: 0, outputTokens: output, reasoningTokens: 0 },
      },
      costNanoUsd: String(input * 800 + output * 4_000),
    });
  });

  it("gets the same message and usage as a stream of named events", async () => {
    const whole = await client.messages.create(prompt, named("a1"));
    const streamed = await client.messages.stream(prompt, named("a2")).finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.usage).toMatchObject(whole.usage);
    const events = await eventsOf(prompt);
    const delta = "content_block_delta";
    expect(events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1])).toEqual([
      ...["message_start", "ping", "content_block_start", delta],
      ...["content_block_stop", "message_delta", "message_stop"],
    ]);
    expect(events[0]).toMatchObject({
      message: { usage: { input_tokens: whole.usage.input_tokens, output_tokens: 1 } },
    });
    const [first, second] = [await simulator.billed("a1"), await simulator.billed("a2")];
    expect(second).toMatchObject({ costNanoUsd: first["costNanoUsd"], stream: true });
  });

  it("gets a thought with a signature, whose tokens are billed as reasoning", async () => {
    const whole = await client.messages.create(thinking, named("a1"));
    const streamed = await client.messages.stream(thinking).finalMessage();
    expect(streamed.content).toEqual(whole.content);
    const [thought, text] = whole.content;
    const reasoning = thought?.type === "thinking" ? countTokens(thought.thinking) : 0;
    expect(reasoning).toBeGreaterThan(0);
    expect(text?.type).toBe("text");
    expect(whole.usage.output_tokens_details).toEqual({ thinking_tokens: reasoning });
    expect(await simulator.billed("a1")).toMatchObject({
      usage: {
        outputTokens: whole.usage.output_tokens - reasoning,
        reasoningTokens: reasoning,
      },
    });
  });

  it("gets the signature without the text of a thought that it wants omitted", async () => {
    const omitted: Body = { ...thinking, thinking: { type: "adaptive", display: "omitted" } };
    const shown = await client.messages.create({ ...thinking, thinking: { type: "adaptive" } });
    const whole = await client.messages.create(omitted);
    const streamed = await client.messages.stream(omitted, named("a1")).finalMessage();
    expect(whole.content[0]).toMatchObject({
      thinking: "",
      signature: expect.stringMatching(/^\w{128}$/),
    });
    expect(streamed.content).toEqual(whole.content);
    expect(whole.usage).toEqual(shown.usage);
    const { thinking_tokens: thoughts } = whole.usage.output_tokens_details ?? {};
    expect(await simulator.billed("a1")).toMatchObject({ usage: { reasoningTokens: thoughts } });
  });

  it("gets a call of the tool that it requires, streamed or not", async () => {
    const body: Body = { ...prompt, tools: [pay], tool_choice: { type: "any" } };
    const whole = await client.messages.create(body);
    const streamed = await client.messages.stream(body).finalMessage();
    const [call] = whole.content;
    expect(whole.stop_reason).toBe("tool_use");
    expect(call).toMatchObject({ name: "pay", input: { amount: expect.any(Number) } });
    expect(streamed.content[0]).toMatchObject({ input: call?.type === "tool_use" && call.input });
    const byName = { ...body, tool_choice: { type: "tool" as const, name: "pay" } };
    expect((await client.messages.create(byName)).content[0]).toMatchObject({ name: "pay" });
    const free = { ...body, tool_choice: { type: "auto" as const } };
    expect((await client.messages.create(free)).stop_reason).toBe("end_turn");
  });

  it("gets JSON that fits the schema of the output format", async () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" } },
      additionalProperties: false,
    };
    const output_config = { format: { type: "json_schema" as const, schema } };
    const { content } = await client.messages.create({ ...prompt, output_config });
    expect(JSON.parse(textOf(content))).toMatchObject({
      ...{ simulated: true, city: expect.stringContaining("[simulated]") },
    });
  });

  it("gets the reason for each end of a message", async () => {
    const limited = await client.messages.create({ ...prompt, max_tokens: 1 });
    expect(limited).toMatchObject({ stop_reason: "max_tokens", usage: { output_tokens: 1 } });
    expect(textOf(limited.content)).toBe("[simulated]");
    const stopped = await client.messages.create({ ...prompt, stop_sequences: ["!", ". "] });
    expect(stopped).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: ". " });
    for (const ending of ["refusal", "content_filter"]) {
      const messages: Anthropic.MessageParam[] = [
        { role: "user", content: `Well? [[answer:${ending}]]` },
      ];
      const refused = await client.messages.create({ ...prompt, messages });
      expect(refused).toMatchObject({ stop_reason: "refusal", stop_details: { type: "refusal" } });
      const streamed = await client.messages.stream({ ...prompt, messages }).finalMessage();
      expect(streamed.stop_reason).toBe("refusal");
    }
  });

  it("continues a conversation with a thought, a call and its result", async () => {
    const body: Body = { ...thinking, tools: [pay] };
    const { content: thoughts } = await client.messages.create(body);
    const call = { type: "tool_use" as const, id: "toolu_1", name: "pay", input: { amount: 1 } };
    const image = { type: "url" as const, url: "https://example.com/river.png" };
    const result = {
      ...{ type: "tool_result" as const, tool_use_id: "toolu_1" },
      content: [{ type: "image" as const, source: image }],
    };
    const messages: Anthropic.MessageParam[] = [
      ...body.messages,
      { role: "assistant", content: [...thoughts, call] },
      { role: "user", content: [result, { type: "text", text: "And now?" }] },
    ];
    expect((await client.messages.create({ ...body, messages })).stop_reason).toBe("end_turn");
  });

  it("finds its recorded call under the name in its prompt", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const body: Body = { ...prompt, system: "Be brief. [[record:m.1]]" };
    const { headers } = named("a1");
    await client.messages.create(body, { headers: { ...headers, traceparent } });
    expect(await simulator.control("GET", "/calls/m.1")).toEqual({
      ...{ simulated: true, attemptId: "a1", calls: 1, traceparent, body },
    });
  });
});

describe("a refused call of Anthropic's client", () => {
  it("has Anthropic's envelope, and is not billed", async () => {
    const refusals = [
      [clientWith("sk-wrong").messages.create(prompt), AuthenticationError, "authentication_error"],
      [client.messages.create({ ...prompt, model: "claude-x" }), NotFoundError, "not_found_error"],
      [
        client.messages.create({ ...prompt, model: "sim-economy" }),
        BadRequestError,
        "invalid_request_error",
      ],
    ] as const;
    for (const [call, error, type] of refusals) {
      const refused: unknown = await call.catch((thrown: unknown) => thrown);
      expect(refused).toBeInstanceOf(error);
      expect(refused).toMatchObject({
        requestID: expect.stringMatching(/^req_/),
        error: {
          ...{ type: "error", error: { type }, request_id: expect.stringMatching(/^req_/) },
        },
      });
    }
    expect(await simulator.control("GET", "/bill")).toMatchObject({ attempts: [] });
  });

  it("names the thought if its model does not think", async () => {
    const call = client.messages.create({ ...thinking, model: economy }, named("a1"));
    await expect(call).rejects.toThrow(/thinking: .*sim-anthropic-economy/);
    expect(await simulator.control("GET", "/bill")).toMatchObject({ attempts: [] });
  });

  it("names the version if the header is missing or unknown", async () => {
    for (const version of [{}, { "anthropic-version": "2020-01-01" }]) {
      const headers = { "x-api-key": key, ...version };
      const request = { method: "POST", headers, body: JSON.stringify(prompt) };
      const response = await fetch(`${simulator.url}/v1/messages`, request);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain("anthropic-version");
    }
  });

  it("is the end of a model of this interface on the routes of OpenAI", async () => {
    const { url } = simulator;
    for (const path of ["/v1/chat/completions", "/v1/embeddings"]) {
      const body = JSON.stringify({ model: economy, messages: prompt.messages, input: "x" });
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body });
      expect(response.status).toBe(400);
    }
  });

  it("is too large above 8 MiB", async () => {
    const messages: Anthropic.MessageParam[] = [
      { role: "user", content: "x".repeat(8 * 1_024 * 1_024) },
    ];
    await expect(client.messages.create({ ...prompt, messages })).rejects.toMatchObject({
      ...{ status: 413, type: "request_too_large" },
    });
  });
});

describe("a fault of a call of Anthropic's client", () => {
  it("that refuses it has Anthropic's type, and costs nothing", async () => {
    const limited: unknown = await client.messages
      .create(prompt, named("a1", "429;retry-after=2"))
      .catch((error: unknown) => error);
    expect(limited).toBeInstanceOf(RateLimitError);
    expect(limited).toMatchObject({ type: "rate_limit_error" });
    expect(limited instanceof APIError && limited.headers?.get("retry-after")).toBe("2");
    const failing = (fault: string) => client.messages.create(prompt, named("a1", fault));
    await expect(failing("500")).rejects.toThrow(InternalServerError);
    await expect(failing("500")).rejects.toMatchObject({ type: "api_error" });
    await expect(failing("529")).rejects.toMatchObject({ status: 529, type: "overloaded_error" });
    await expect(failing("418")).rejects.toThrow(BadRequestError);
    expect(await simulator.billed("a1")).toMatchObject({
      ...{ calls: 4, status: "unbilled", costNanoUsd: "0", reason: "overloaded" },
    });
  });

  it("that a marker requests fires once, so that a retry succeeds", async () => {
    const messages: Anthropic.MessageParam[] = [
      { role: "user", content: "Hi [[fault:529 times=1 retry-after=0]]" },
    ];
    const retrying = client.withOptions({ maxRetries: 1 });
    await retrying.messages.create({ ...prompt, messages }, named("a1"));
    expect(await simulator.billed("a1")).toMatchObject({ calls: 2, billedCalls: 1 });
  });

  it("that cuts a stream bills the tokens that were sent, of the thought too", async () => {
    const whole = await client.messages.create(thinking);
    const thoughts = whole.usage.output_tokens_details?.thinking_tokens ?? 0;
    const read = async (fault: string, name: string): Promise<Anthropic.ContentBlock[]> => {
      const stream = client.messages.stream(thinking, named(name, fault));
      await expect(stream.finalMessage()).rejects.toThrow("terminated");
      return stream.currentMessage?.content ?? [];
    };
    const [thought] = await read("cut-stream;after=3", "a1");
    expect(thought?.type === "thinking" && countTokens(thought.thinking)).toBe(3);
    await read(`cut-stream;after=${thoughts + 5}`, "a2");
    const inputTokens = whole.usage.input_tokens;
    expect(await simulator.billed("a1")).toMatchObject({
      ...{ reason: "cut-stream", usage: { inputTokens, reasoningTokens: 3, outputTokens: 0 } },
    });
    expect(await simulator.billed("a2")).toMatchObject({
      usage: { inputTokens, reasoningTokens: thoughts, outputTokens: 5 },
    });
  });

  it("that answers nothing is billed in full after billing, and not billed if it hangs", async () => {
    for (const stream of [false, true])
      await expect(
        client.messages.create(
          { ...prompt, stream },
          { ...named("a1", "timeout-after-billing"), timeout: 300 },
        ),
      ).rejects.toThrow(APIConnectionTimeoutError);
    await expect(
      client.messages.create(prompt, { ...named("a2", "hang"), timeout: 300 }),
    ).rejects.toThrow(APIConnectionTimeoutError);
    expect(await simulator.ended("a1")).toMatchObject({ calls: 2, billedCalls: 2 });
    expect(await simulator.ended("a2")).toMatchObject({ status: "unbilled" });
  });

  it("is not needed for a client that leaves a stream: the sent tokens are billed", async () => {
    await simulator.control("POST", "/script", { models: { [economy]: { tokensPerSecond: 0.4 } } });
    const stream = await client.messages.create({ ...prompt, stream: true }, named("a1"));
    for await (const event of stream) if (event.type === "content_block_delta") break;
    const attempt = await simulator.ended("a1");
    expect(attempt).toMatchObject({ reason: "client-closed", usage: { outputTokens: 4 } });
  });
});

function clientWith(apiKey: string): Anthropic {
  return new Anthropic({ apiKey, baseURL: simulator.url, maxRetries: 0, timeout: 10_000 });
}

function textOf(content: readonly Anthropic.ContentBlock[]): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** Returns the raw events of a stream. The client hides pings. */
async function eventsOf(body: Body): Promise<readonly { readonly type: string }[]> {
  const headers = { "x-api-key": key, "anthropic-version": "2023-06-01" };
  const request = { method: "POST", headers, body: JSON.stringify({ ...body, stream: true }) };
  const response = await fetch(`${simulator.url}/v1/messages`, request);
  const events = (await response.text()).split("\n\n").filter((event) => event !== "");
  return events.map((event) => {
    const [, name, data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
    const parsed: { readonly type: string } = JSON.parse(data);
    expect(parsed.type).toBe(name);
    return parsed;
  });
}
