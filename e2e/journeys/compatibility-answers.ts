import OpenAI from "openai";
import { expect } from "vitest";
import { payTool, verdictFormat } from "./compatibility-cases.ts";
import {
  type ChatRequest,
  type CompatibilityClient,
  questionOf,
  type ChatResult,
} from "./compatibility-client.ts";

type AnswerTest = (client: CompatibilityClient, name: string) => Promise<void>;

const always = { "x-sluice-cache": "no-store" };

/** Sends the same question twice, for a whole and for a streamed answer. The provider answers both. */
async function bothWays(
  client: CompatibilityClient,
  request: ChatRequest,
): Promise<readonly ChatResult[]> {
  return [await client.whole(request, always), await client.streamed(request, always)];
}

/** Returns the part of an answer that must not differ between calls: everything except ids and times. */
function readable({ completion }: ChatResult): unknown {
  return completion.choices.map(({ index, message, logprobs, finish_reason }) => ({
    index,
    finish_reason,
    content: message.content,
    refusal: message.refusal ?? null,
    logprobs: logprobs ?? null,
    calls: (message.tool_calls ?? []).map((call) =>
      call.type === "function" ? { type: call.type, function: call.function } : call,
    ),
  }));
}

async function sameBothWays(
  client: CompatibilityClient,
  request: ChatRequest,
): Promise<ChatResult> {
  const [whole, streamed] = await bothWays(client, request);
  expect(readable(streamed!)).toEqual(readable(whole!));
  return whole!;
}

async function untilCached(client: CompatibilityClient, request: ChatRequest): Promise<ChatResult> {
  const first = await client.whole(request);
  await expect
    .poll(async () => (await client.whole(request)).cache, { interval: 20, timeout: 10_000 })
    .toBe("exact");
  return first;
}

const choiceOf = ({ completion }: ChatResult): OpenAI.ChatCompletion.Choice =>
  completion.choices[0]!;
const paying: Pick<ChatRequest, "tools" | "tool_choice"> = {
  tools: [payTool],
  tool_choice: { type: "function", function: { name: "pay" } },
};

async function endsWith(
  client: CompatibilityClient,
  request: ChatRequest,
  reason: OpenAI.ChatCompletion.Choice["finish_reason"],
): Promise<void> {
  expect(choiceOf(await sameBothWays(client, request)).finish_reason).toBe(reason);
}

async function isNeverCached(client: CompatibilityClient, request: ChatRequest): Promise<void> {
  await client.whole(request);
  // Cache-lookup reads outcomes in order. Once a later answer is in the cache, this one has been skipped.
  await untilCached(client, {
    messages: questionOf(`${JSON.stringify(request.messages).length}`, "later"),
  });
  expect((await client.whole(request)).cache).toBe("miss");
}

/** The tests for the rows of the table "Answers", by the row's name. */
export const answerTests: Readonly<Record<string, AnswerTest>> = {
  "choices of n": async (client, name) => {
    const { completion } = await sameBothWays(client, { messages: questionOf(name), n: 3 });
    expect(completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(completion.choices.map(({ message }) => message.content)).size).toBe(3);
  },
  "message.content": async (client, name) => {
    const result = await sameBothWays(client, { messages: questionOf(name) });
    expect(choiceOf(result).message).toMatchObject({ role: "assistant", refusal: null });
    expect(choiceOf(result).message.content).toMatch(/^\[simulated\] /);
  },
  "message.refusal": async (client, name) => {
    const request = { messages: questionOf(name, "[[answer:refusal]]") };
    const { message } = choiceOf(await sameBothWays(client, request));
    expect(message.content).toBeNull();
    expect(message.refusal).toMatch(/^\[simulated\] /);
    await isNeverCached(client, request);
  },
  "message.tool_calls": async (client, name) => {
    const request = { messages: questionOf(name), ...paying };
    const [whole, streamed] = await bothWays(client, request);
    expect(readable(streamed!)).toEqual(readable(whole!));
    expect(choiceOf(whole!).message.content).toBeNull();
    for (const result of [whole!, streamed!]) {
      const [call] = choiceOf(result).message.tool_calls ?? [];
      expect(call).toMatchObject({ type: "function", function: { name: "pay" } });
      expect(call?.id).toMatch(/^call_/);
      const given = call?.type === "function" ? call.function.arguments : "";
      expect(given).toMatch(/^\{"to":"[^"]+","amount":"[^"]+"\}$/);
    }
    await isNeverCached(client, request);
  },
  logprobs: async (client, name) => {
    const parameters = { logprobs: true, top_logprobs: 2 };
    const result = await sameBothWays(client, { messages: questionOf(name), ...parameters });
    const tokens = choiceOf(result).logprobs?.content ?? [];
    expect(tokens.map(({ token }) => token).join("")).toBe(choiceOf(result).message.content);
    expect(tokens[0]?.top_logprobs).toHaveLength(2);
    const refusing = { messages: questionOf(`${name}r`, "[[answer:refusal]]"), ...parameters };
    const { logprobs } = choiceOf(await sameBothWays(client, refusing));
    expect(logprobs?.refusal?.[0]?.token).toBe("[simulated]");
    expect(logprobs?.content).toBeNull();
  },
  "JSON by schema": async (client, name) => {
    const request = { messages: questionOf(name), response_format: verdictFormat };
    const result = await sameBothWays(client, request);
    const written: unknown = JSON.parse(choiceOf(result).message.content ?? "");
    expect(choiceOf(result).message.content).toMatch(/^\{"simulated":true,"reason":.+,"answer":/);
    const parsed = await client.openai.chat.completions.parse({ model: "economy", ...request });
    expect(parsed.choices[0]?.message.parsed).toEqual(written);
    const { body } = await client.callAtProvider(name);
    expect(JSON.stringify(body["response_format"])).toContain(
      JSON.stringify(verdictFormat.json_schema.schema),
    );
  },
  "finish_reason: stop": async (client, name) => {
    const messages = questionOf(name);
    await endsWith(client, { messages }, "stop");
    const whole = choiceOf(await client.whole({ messages }, always)).message.content ?? "";
    const stopped = await sameBothWays(client, { messages, stop: ["."] });
    expect(choiceOf(stopped).message.content).toBe(whole.slice(0, whole.indexOf(".")));
    expect(choiceOf(stopped).finish_reason).toBe("stop");
  },
  "finish_reason: length": async (client, name) => {
    const request = { messages: questionOf(name), max_completion_tokens: 5 };
    await endsWith(client, request, "length");
    await isNeverCached(client, request);
  },
  "finish_reason: tool_calls": (client, name) =>
    endsWith(client, { messages: questionOf(name), ...paying }, "tool_calls"),
  "finish_reason: content_filter": async (client, name) => {
    const request = { messages: questionOf(name, "[[answer:content_filter]]") };
    await endsWith(client, request, "content_filter");
    await isNeverCached(client, request);
  },
  usage: async (client, name) => {
    const long = questionOf(name, "A long preamble is repeated here. ".repeat(200));
    const request = { model: "sim-premium", messages: long };
    await client.whole(request, always);
    const [whole, streamed] = await bothWays(client, request);
    const usage = whole!.completion.usage!;
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
    expect(usage.prompt_tokens_details?.cached_tokens).toBeGreaterThanOrEqual(1_024);
    expect(usage.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
    const { chunks } = streamed!;
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.usage))).toEqual(new Set([null]));
    const silent = await client.streamed({ ...request, stream_options: null }, always);
    expect(silent.chunks.filter((chunk) => "usage" in chunk)).toEqual([]);
  },
  system_fingerprint: async (client, name) => {
    for (const { completion } of await bothWays(client, { messages: questionOf(name) }))
      expect(completion.system_fingerprint).toBe("simulated");
  },
  model: async (client, name) => {
    for (const result of await bothWays(client, { messages: questionOf(name) }))
      expect(result.completion.model).toBe(result.headers.get("x-sluice-model"));
  },
  "a cached answer, streamed": async (client, name) => {
    const request = { messages: questionOf(name), n: 2, logprobs: true, top_logprobs: 1 };
    const first = await untilCached(client, request);
    const { calls } = await client.callAtProvider(name);
    const again = await client.streamed(request);
    expect(again.cache).toBe("exact");
    expect(readable(again)).toEqual(readable(first));
    expect(again.completion.system_fingerprint).toBe("simulated");
    expect(again.chunks.at(-1)?.usage).toEqual(first.completion.usage);
    expect((await client.callAtProvider(name)).calls).toBe(calls);
  },
  "a repeated answer, streamed": async (client, name) => {
    const request = { messages: questionOf(name), ...paying };
    const key = { "idempotency-key": name };
    const first = await client.streamed(request, key);
    const again = await client.streamed(request, key);
    expect(readable(again)).toEqual(readable(first));
    expect(choiceOf(again).message.tool_calls).toEqual(choiceOf(first).message.tool_calls);
    expect((await client.callAtProvider(name)).calls).toBe(1);
  },
};
