import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { key, named, startTestSimulator, type TestSimulator } from "../simulator.fixture.ts";

const model = "sim-anthropic-standard";
const fiveMinutes = { cache_control: { type: "ephemeral" as const } };
const hour = { cache_control: { type: "ephemeral" as const, ttl: "1h" as const } };
const rules: Anthropic.TextBlockParam = {
  type: "text",
  text: "Every answer names rivers. ".repeat(300),
};
const story: Anthropic.TextBlockParam = {
  type: "text",
  text: "The river was wide and slow. ".repeat(200),
};

let simulator: TestSimulator;
let client: Anthropic;
beforeAll(async () => {
  simulator = await startTestSimulator();
  client = new Anthropic({ apiKey: key, baseURL: simulator.url, maxRetries: 0 });
});
afterAll(() => simulator.close());
beforeEach(async () => void (await simulator.control("DELETE", "/bill")));

it("a conversation of three turns reads what its earlier turns wrote, and is billed by class", async () => {
  const system = [{ ...rules, ...hour }];
  const messages: Anthropic.MessageParam[] = [];
  const usages: Anthropic.Usage[] = [];
  for (const question of [story, { type: "text" as const, text: "And?" }, story]) {
    messages.push({ role: "user", content: [{ ...question, ...fiveMinutes }] });
    const body = { model, max_tokens: 100, system, messages };
    // oxlint-disable-next-line no-await-in-loop -- a conversation
    const { content, usage } = await client.messages.create(body, named(`a${usages.length}`));
    messages.pop();
    messages.push({ role: "user", content: [question] }, { role: "assistant", content });
    usages.push(usage);
  }
  const [first, second, third] = usages.map(classesOf);
  expect(first).toMatchObject({
    read: 0,
    hour: expect.any(Number),
    fiveMinutes: expect.any(Number),
  });
  expect(first!.hour).toBeGreaterThan(1_024);
  expect(first!.fiveMinutes).toBeGreaterThan(1_024);
  expect(second).toMatchObject({ read: first!.hour + first!.fiveMinutes, hour: 0 });
  expect(third).toMatchObject({ read: second!.read + second!.fiveMinutes, hour: 0 });
  for (const classes of usages.map(classesOf)) expect(classes.input).toBe(3);

  for (const [at, usage] of usages.entries()) {
    const { input, read, hour: hourly, fiveMinutes: short, output } = classesOf(usage);
    // oxlint-disable-next-line no-await-in-loop -- in order
    expect(await simulator.billed(`a${at}`)).toMatchObject({
      usage: {
        ...{ inputTokens: input, cachedInputTokens: read, outputTokens: output },
        ...{ cacheWriteTokens: short, cacheWriteHourTokens: hourly },
      },
      costNanoUsd: String(
        input * 3_000 + read * 300 + short * 3_750 + hourly * 6_000 + output * 15_000,
      ),
    });
  }
});

it("a stream reports the classes of its prompt in its first and in its last event", async () => {
  const body = { model, max_tokens: 50, messages: [], system: [{ ...rules, ...fiveMinutes }] };
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Well?" }];
  const classes = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  for (const [written, read] of [
    [expect.any(Number), 0],
    [0, expect.any(Number)],
  ]) {
    const expected = {
      ...classes,
      cache_creation_input_tokens: written,
      cache_read_input_tokens: read,
    };
    // oxlint-disable-next-line no-await-in-loop -- the second reads what the first wrote
    const stream = await client.messages.create({ ...body, messages, stream: true });
    // oxlint-disable-next-line no-await-in-loop -- as above
    const [first, last] = await usagesIn(stream);
    expect(first).toMatchObject(expected);
    expect(last).toMatchObject(expected);
  }
});

it("a model writes no prefix below its own least size", async () => {
  const system = [{ ...rules, ...fiveMinutes }];
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Well?" }];
  const writtenBy = async (served: string) => {
    const body = { model: served, max_tokens: 50, system, messages };
    return (await client.messages.create(body)).usage.cache_creation_input_tokens;
  };
  expect(await writtenBy(model)).toBeGreaterThan(1_024);
  expect(await writtenBy("sim-anthropic-economy")).toBe(0);
});

it("another choice of tools changes the cache of the messages, but not that of the system prompt", async () => {
  const tools: Anthropic.Tool[] = [{ name: "pay", input_schema: { type: "object" } }];
  const system = [{ ...rules, ...fiveMinutes }];
  const content = [{ ...story, ...fiveMinutes }];
  const body = {
    model,
    max_tokens: 50,
    tools,
    system,
    messages: [{ role: "user" as const, content }],
  };
  const whole = classesOf((await client.messages.create(body)).usage);
  const choice = { tool_choice: { type: "none" as const } };
  const changed = classesOf((await client.messages.create({ ...body, ...choice })).usage);
  expect(changed.read).toBeGreaterThan(1_024);
  expect(changed.fiveMinutes).toBeGreaterThan(1_024);
  expect(changed.read + changed.fiveMinutes).toBe(whole.fiveMinutes);
});

/** Returns the usage of the first and of the last event that has one. */
async function usagesIn(stream: AsyncIterable<Anthropic.RawMessageStreamEvent>) {
  const usages: (Anthropic.Usage | Anthropic.MessageDeltaUsage)[] = [];
  for await (const event of stream) {
    if (event.type === "message_start") usages.push(event.message.usage);
    if (event.type === "message_delta") usages.push(event.usage);
  }
  return usages;
}

function classesOf(usage: Anthropic.Usage) {
  const { ephemeral_1h_input_tokens: hourly = 0, ephemeral_5m_input_tokens: short = 0 } =
    usage.cache_creation ?? {};
  expect(usage.cache_creation_input_tokens).toBe(hourly + short);
  return {
    input: usage.input_tokens,
    read: usage.cache_read_input_tokens ?? 0,
    hour: hourly,
    fiveMinutes: short,
    output: usage.output_tokens,
  };
}
