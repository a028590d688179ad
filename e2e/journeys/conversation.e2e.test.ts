import { topics } from "@sluice/contracts";
import {
  billBreaches,
  fetchBill,
  KafkaUser,
  type Pipeline,
  spentNanoUsd,
  stackAddresses,
  startPipeline,
} from "@sluice/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { twoProtocols } from "./two-protocols.ts";

/* A conversation of the official OpenAI client with a provider that has Anthropic's protocol. */

let pipeline: Pipeline;
let user: KafkaUser;
let openai: OpenAI;

beforeAll(async () => {
  pipeline = await startPipeline({
    declarations: twoProtocols,
    environment: { SLUICE_SIMULATOR_SPEED: "20" },
  });
  const { brokers, registryUrl } = stackAddresses();
  const { topicPrefix, demoKey: apiKey } = pipeline;
  user = new KafkaUser({ brokers, topicPrefix, registryUrl, apiKey });
  openai = new OpenAI({ baseURL: `${pipeline.http}/v1`, apiKey, maxRetries: 0 });
});
afterAll(async () => {
  await user?.close();
  await pipeline?.stop();
});

const model = "sim-anthropic-standard";
type Messages = OpenAI.ChatCompletionMessageParam[];

/** Returns an answer in full, as a client of a stream puts it together. */
async function streamed(messages: Messages) {
  const stream = openai.chat.completions.stream({
    ...{ model, messages, stream_options: { include_usage: true } },
  });
  return stream.finalChatCompletion();
}

test("turns 2 and 3 read 80 % of their input from the provider's cache, and the ledger equals the bill", async () => {
  const charged = await user.read(topics.costCharged);
  // About 2,000 tokens.
  const system = "You are the advisor of a club of people who paddle on rivers. ".repeat(150);
  const messages: Messages = [{ role: "system", content: system }];
  const shares: number[] = [];
  for (const question of ["Which river is long?", "And which is wide?", "And deep?"]) {
    messages.push({ role: "user", content: question });
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    const { choices, usage } = await streamed(messages);
    messages.push({ role: "assistant", content: choices[0]?.message.content ?? "" });
    shares.push((usage?.prompt_tokens_details?.cached_tokens ?? 0) / (usage?.prompt_tokens ?? 1));
  }
  expect(shares[0]).toBe(0);
  expect(Math.min(...shares.slice(1))).toBeGreaterThanOrEqual(0.8);

  const bill = await fetchBill(pipeline.simulator);
  await expect.poll(() => charged.records.length, { timeout: 30_000 }).toBe(3);
  expect(billBreaches(charged.records, bill)).toEqual([]);
  expect(spentNanoUsd(charged.records)).toBe(bill.totalNanoUsd);
  // Charges of different requests arrive in any order.
  const [first, ...later] = charged.records
    .toSorted((left, right) => left.calledAt - right.calledAt)
    .map(({ usage }) => usage);
  expect(first?.cacheWriteHourTokens).toBeGreaterThan(1_500n);
  expect(later.every(({ cacheWriteTokens }) => (cacheWriteTokens ?? 0n) > 0n)).toBe(true);
});

test("the thinking of an answer is streamed, and the provider takes it back with its signature", async () => {
  const messages: Messages = [{ role: "user", content: "Think about rivers." }];
  const think = { model, reasoning_effort: "high", max_completion_tokens: 3_000 } as const;
  const stream = await openai.chat.completions.create({ ...think, messages, stream: true });
  let reasoning = "";
  for await (const { choices } of stream) {
    const delta: object = choices[0]?.delta ?? {};
    if ("reasoning_content" in delta) reasoning += String(delta.reasoning_content);
  }
  expect(reasoning.length).toBeGreaterThan(20);

  const { choices } = await openai.chat.completions.create({ ...think, messages, seed: 1 });
  const answer = choices[0]!.message;
  expect(answer).toMatchObject({ reasoning_details: [{ signature: expect.any(String) }] });
  const again: Messages = [...messages, answer, { role: "user", content: "Go on." }];
  const second = await openai.chat.completions.create({ ...think, messages: again });
  expect(second.choices[0]?.finish_reason).toBe("stop");
});

test("a tool is called and its result answered, whole and streamed", async () => {
  const tools: OpenAI.ChatCompletionTool[] = [
    {
      type: "function",
      function: {
        name: "depth_of",
        parameters: { type: "object", properties: { river: { type: "string" } } },
      },
    },
  ];
  const messages: Messages = [{ role: "user", content: "How deep is the Congo?" }];
  const asked = { model, messages, tools, tool_choice: "required" } as const;
  const whole = (await openai.chat.completions.create(asked)).choices[0]!;
  const stream = openai.chat.completions.stream({ ...asked, seed: 1 });
  const live = (await stream.finalChatCompletion()).choices[0]!;
  for (const { message, finish_reason: reason } of [whole, live]) {
    expect(reason).toBe("tool_calls");
    const { tool_calls: calls = [] } = message;
    expect(calls).toMatchObject([{ type: "function", function: { name: "depth_of" } }]);
    const called = { role: "assistant", tool_calls: calls } as const;
    const result = { role: "tool", content: "220 m", tool_call_id: calls[0]!.id } as const;
    // oxlint-disable-next-line no-await-in-loop -- one conversation after the other
    const next = await openai.chat.completions.create({
      ...{ model, tools, messages: [...messages, called, result] },
    });
    expect(next.choices[0]?.message.content).toMatch(/^\[simulated\]/);
  }
});

test("what the API lacks is answered by another model, or refused with the name of the parameter", async () => {
  const messages: Messages = [{ role: "user", content: "Twice, please." }];
  await expect(openai.chat.completions.create({ model, messages, n: 2 })).rejects.toMatchObject({
    ...{ status: 400, code: "provider_refused", param: "n" },
    message: expect.stringContaining("'n' is not supported by Anthropic's API"),
  });
});
