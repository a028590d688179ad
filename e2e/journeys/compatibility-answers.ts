import OpenAI from "openai";
import { expect } from "vitest";
import { payTool, verdictFormat } from "./compatibility-cases.ts";
import {
  type Asked,
  type CompatibilityClient,
  questionOf,
  type Told,
} from "./compatibility-client.ts";

type AnswerTest = (client: CompatibilityClient, name: string) => Promise<void>;

const always = { "x-sluice-cache": "no-store" };

/** The same question answered whole and as a stream, both by the provider. */
async function bothWays(client: CompatibilityClient, asked: Asked): Promise<readonly Told[]> {
  return [await client.whole(asked, always), await client.streamed(asked, always)];
}

/** What a caller reads of an answer; ids and times differ from call to call. */
function readable({ completion }: Told): unknown {
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

async function sameBothWays(client: CompatibilityClient, asked: Asked): Promise<Told> {
  const [whole, streamed] = await bothWays(client, asked);
  expect(readable(streamed!)).toEqual(readable(whole!));
  return whole!;
}

async function untilCached(client: CompatibilityClient, asked: Asked): Promise<Told> {
  const first = await client.whole(asked);
  await expect
    .poll(async () => (await client.whole(asked)).cache, { interval: 20, timeout: 10_000 })
    .toBe("exact");
  return first;
}

const choiceOf = ({ completion }: Told): OpenAI.ChatCompletion.Choice => completion.choices[0]!;
const paying: Pick<Asked, "tools" | "tool_choice"> = {
  tools: [payTool],
  tool_choice: { type: "function", function: { name: "pay" } },
};

async function endsWith(
  client: CompatibilityClient,
  asked: Asked,
  reason: OpenAI.ChatCompletion.Choice["finish_reason"],
): Promise<void> {
  expect(choiceOf(await sameBothWays(client, asked)).finish_reason).toBe(reason);
}

async function isNeverCached(client: CompatibilityClient, asked: Asked): Promise<void> {
  await client.whole(asked);
  // What fills the cache is read in order: once a later answer is kept, this one was passed over.
  await untilCached(client, {
    messages: questionOf(`${JSON.stringify(asked.messages).length}`, "later"),
  });
  expect((await client.whole(asked)).cache).toBe("miss");
}

/** By the row's name. */
export const answerTests: Readonly<Record<string, AnswerTest>> = {
  "choices of n": async (client, name) => {
    const { completion } = await sameBothWays(client, { messages: questionOf(name), n: 3 });
    expect(completion.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(completion.choices.map(({ message }) => message.content)).size).toBe(3);
  },
  "message.content": async (client, name) => {
    const told = await sameBothWays(client, { messages: questionOf(name) });
    expect(choiceOf(told).message).toMatchObject({ role: "assistant", refusal: null });
    expect(choiceOf(told).message.content).toMatch(/^\[simulated\] /);
  },
  "message.refusal": async (client, name) => {
    const asked = { messages: questionOf(name, "[[answer:refusal]]") };
    const { message } = choiceOf(await sameBothWays(client, asked));
    expect(message.content).toBeNull();
    expect(message.refusal).toMatch(/^\[simulated\] /);
    await isNeverCached(client, asked);
  },
  "message.tool_calls": async (client, name) => {
    const asked = { messages: questionOf(name), ...paying };
    const [whole, streamed] = await bothWays(client, asked);
    expect(readable(streamed!)).toEqual(readable(whole!));
    expect(choiceOf(whole!).message.content).toBeNull();
    for (const told of [whole!, streamed!]) {
      const [call] = choiceOf(told).message.tool_calls ?? [];
      expect(call).toMatchObject({ type: "function", function: { name: "pay" } });
      expect(call?.id).toMatch(/^call_/);
      const given = call?.type === "function" ? call.function.arguments : "";
      expect(given).toMatch(/^\{"to":"[^"]+","amount":"[^"]+"\}$/);
    }
    await isNeverCached(client, asked);
  },
  logprobs: async (client, name) => {
    const asked = { logprobs: true, top_logprobs: 2 };
    const told = await sameBothWays(client, { messages: questionOf(name), ...asked });
    const tokens = choiceOf(told).logprobs?.content ?? [];
    expect(tokens.map(({ token }) => token).join("")).toBe(choiceOf(told).message.content);
    expect(tokens[0]?.top_logprobs).toHaveLength(2);
    const refusing = { messages: questionOf(`${name}r`, "[[answer:refusal]]"), ...asked };
    const { logprobs } = choiceOf(await sameBothWays(client, refusing));
    expect(logprobs?.refusal?.[0]?.token).toBe("[simulated]");
    expect(logprobs?.content).toBeNull();
  },
  "JSON by schema": async (client, name) => {
    const asked = { messages: questionOf(name), response_format: verdictFormat };
    const told = await sameBothWays(client, asked);
    const written: unknown = JSON.parse(choiceOf(told).message.content ?? "");
    expect(choiceOf(told).message.content).toMatch(/^\{"simulated":true,"reason":.+,"answer":/);
    const parsed = await client.openai.chat.completions.parse({ model: "economy", ...asked });
    expect(parsed.choices[0]?.message.parsed).toEqual(written);
    const { body } = await client.arrived(name);
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
    const asked = { messages: questionOf(name), max_completion_tokens: 5 };
    await endsWith(client, asked, "length");
    await isNeverCached(client, asked);
  },
  "finish_reason: tool_calls": (client, name) =>
    endsWith(client, { messages: questionOf(name), ...paying }, "tool_calls"),
  "finish_reason: content_filter": async (client, name) => {
    const asked = { messages: questionOf(name, "[[answer:content_filter]]") };
    await endsWith(client, asked, "content_filter");
    await isNeverCached(client, asked);
  },
  usage: async (client, name) => {
    const long = questionOf(name, "A long preamble is repeated here. ".repeat(200));
    const asked = { model: "sim-premium", messages: long };
    await client.whole(asked, always);
    const [whole, streamed] = await bothWays(client, asked);
    const usage = whole!.completion.usage!;
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
    expect(usage.prompt_tokens_details?.cached_tokens).toBeGreaterThanOrEqual(1_024);
    expect(usage.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(0);
    const { chunks } = streamed!;
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.usage))).toEqual(new Set([null]));
    const silent = await client.streamed({ ...asked, stream_options: null }, always);
    expect(silent.chunks.filter((chunk) => "usage" in chunk)).toEqual([]);
  },
  system_fingerprint: async (client, name) => {
    for (const { completion } of await bothWays(client, { messages: questionOf(name) }))
      expect(completion.system_fingerprint).toBe("simulated");
  },
  model: async (client, name) => {
    for (const told of await bothWays(client, { messages: questionOf(name) }))
      expect(told.completion.model).toBe(told.headers.get("x-sluice-model"));
  },
  "a cached answer, streamed": async (client, name) => {
    const asked = { messages: questionOf(name), n: 2, logprobs: true, top_logprobs: 1 };
    const first = await untilCached(client, asked);
    const { calls } = await client.arrived(name);
    const again = await client.streamed(asked);
    expect(again.cache).toBe("exact");
    expect(readable(again)).toEqual(readable(first));
    expect(again.completion.system_fingerprint).toBe("simulated");
    expect(again.chunks.at(-1)?.usage).toEqual(first.completion.usage);
    expect((await client.arrived(name)).calls).toBe(calls);
  },
  "a repeated answer, streamed": async (client, name) => {
    const asked = { messages: questionOf(name), ...paying };
    const key = { "idempotency-key": name };
    const first = await client.streamed(asked, key);
    const again = await client.streamed(asked, key);
    expect(readable(again)).toEqual(readable(first));
    expect(choiceOf(again).message.tool_calls).toEqual(choiceOf(first).message.tool_calls);
    expect((await client.arrived(name)).calls).toBe(1);
  },
};
