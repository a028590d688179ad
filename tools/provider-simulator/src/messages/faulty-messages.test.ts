import Anthropic, { BadRequestError } from "@anthropic-ai/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { key, named, startTestSimulator, type TestSimulator } from "../simulator.fixture.ts";
import { countTokens } from "../tokens.ts";

const prompt: Anthropic.MessageCreateParamsNonStreaming = {
  model: "sim-anthropic-standard",
  max_tokens: 500,
  messages: [{ role: "user", content: "Name three rivers." }],
};

let simulator: TestSimulator;
let client: Anthropic;
beforeAll(async () => {
  simulator = await startTestSimulator();
  client = new Anthropic({ apiKey: key, baseURL: simulator.url, maxRetries: 0 });
});
afterAll(() => simulator.close());
beforeEach(async () => void (await simulator.control("DELETE", "/bill")));
afterEach(async () => void (await simulator.control("DELETE", "/script")));

it.each([
  ["402", { status: 402, type: "billing_error" }],
  ["insufficient-quota", { status: 400, type: "invalid_request_error" }],
])("%s has the status and type of Anthropic, and costs nothing", async (fault, expected) => {
  const call = client.messages.create(prompt, named("a1", fault));
  await expect(call).rejects.toMatchObject(expected);
  expect(await simulator.billed("a1")).toMatchObject({ status: "unbilled", costNanoUsd: "0" });
});

it("insufficient-quota says that the credit balance is too low", async () => {
  const call = client.messages.create(prompt, named("a1", "insufficient-quota"));
  await expect(call).rejects.toThrow("credit balance is too low");
  expect(await simulator.billed("a1")).toMatchObject({ reason: "quota-exhausted" });
});

it("error-in-200 is the first event of a stream, and costs nothing", async () => {
  const stream = client.messages.stream(prompt, named("a1", "error-in-200"));
  await expect(stream.finalMessage()).rejects.toMatchObject({ type: "overloaded_error" });
  expect(stream.currentMessage).toBeUndefined();
  const whole = await client.messages.create(prompt, named("a1", "error-in-200"));
  expect(whole).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
  expect(await simulator.billed("a1")).toMatchObject({ calls: 2, billedCalls: 0 });
});

it("error-after is an event after some tokens, and only these are billed", async () => {
  const { usage } = await client.messages.create(prompt);
  const stream = client.messages.stream(prompt, named("a1", "error-after;after=7"));
  await expect(stream.finalMessage()).rejects.toMatchObject({ type: "overloaded_error" });
  const [block] = stream.currentMessage?.content ?? [];
  expect(block?.type === "text" && countTokens(block.text)).toBe(7);
  expect(await simulator.billed("a1")).toMatchObject({
    reason: "error-after",
    usage: { inputTokens: usage.input_tokens, outputTokens: 7 },
  });
});

it("heartbeats are comments, pings and events without data around the same message", async () => {
  const plain = await client.messages.create(prompt);
  const streamed = await client.messages.stream(prompt, named("a1", "heartbeats")).finalMessage();
  const whole = await client.messages.create(prompt, named("a1", "heartbeats"));
  expect(streamed.content).toEqual(plain.content);
  expect(whole.content).toEqual(plain.content);
  expect(await simulator.billed("a1")).toMatchObject({ billedCalls: 2, reason: "answered" });
  const raw = await client.messages
    .create({ ...prompt, stream: true }, named("a2", "heartbeats"))
    .asResponse();
  const text = await raw.text();
  expect(text).toMatch(/^: keep-alive\n\nevent: ping\ndata:\n\nevent: ping\n/);
  expect(text.split(": keep-alive").length).toBeGreaterThan(10);
});

it("empty-answer has no content and no output tokens", async () => {
  const whole = await client.messages.create(prompt, named("a1", "empty-answer"));
  const streamed = await client.messages.stream(prompt, named("a1", "empty-answer")).finalMessage();
  const expected = { content: [], stop_reason: "end_turn", usage: { output_tokens: 0 } };
  expect(whole).toMatchObject(expected);
  expect(streamed).toMatchObject(expected);
  const events = await client.messages.create(
    { ...prompt, stream: true },
    named("a2", "empty-answer"),
  );
  for await (const event of events) {
    expect(event).toMatchObject({ message: { usage: { output_tokens: 0 } } });
    break;
  }
  expect(await simulator.billed("a1")).toMatchObject({
    ...{ billedCalls: 2, usage: { inputTokens: 2 * whole.usage.input_tokens, outputTokens: 0 } },
  });
});

it("a fault of OpenAI's form is refused, and a rule without a model does not apply", async () => {
  const call = client.messages.create(prompt, named("a1", "no-choices"));
  await expect(call).rejects.toThrow(BadRequestError);
  await simulator.control("POST", "/script", { rules: [{ fault: "no-choices" }] });
  expect((await client.messages.create(prompt, named("a1"))).stop_reason).toBe("end_turn");
  expect(await simulator.billed("a1")).toMatchObject({ calls: 1, billedCalls: 1 });
});
