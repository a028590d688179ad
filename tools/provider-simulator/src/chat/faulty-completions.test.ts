import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isObject } from "../json.ts";
import { key, named, startTestSimulator, type TestSimulator } from "../simulator.fixture.ts";
import { countTokens } from "../tokens.ts";

const messages = [{ role: "user" as const, content: "Name three rivers." }];
const prompt = { model: "sim-standard", messages };
const premium = { ...prompt, model: "sim-premium" };
const streamed = { stream: true as const, stream_options: { include_usage: true } };
const completed = { status: "billed", reason: "answered" };

let simulator: TestSimulator;
let client: OpenAI;
beforeAll(async () => {
  simulator = await startTestSimulator();
  client = new OpenAI({ apiKey: key, baseURL: `${simulator.url}/v1`, maxRetries: 0 });
});
afterAll(() => simulator.close());
beforeEach(async () => void (await simulator.control("DELETE", "/bill")));
afterEach(async () => void (await simulator.control("DELETE", "/script")));

describe("a fault that refuses a completion", () => {
  it.each([
    ["402", { status: 402, code: "invalid_request_error" }],
    ["529", { status: 529, code: "overloaded" }],
    ["insufficient-quota", { status: 429, code: "insufficient_quota", type: "insufficient_quota" }],
  ])("%s has the status and code of a provider, and costs nothing", async (fault, expected) => {
    const call = client.chat.completions.create(prompt, named("a1", fault));
    await expect(call).rejects.toMatchObject(expected);
    expect(await simulator.billed("a1")).toMatchObject({ status: "unbilled", costNanoUsd: "0" });
  });

  it("error-in-200 is the whole body, or the first event of a stream, and costs nothing", async () => {
    const error = { error: { message: "Rate limit exceeded", code: 429 } };
    const whole = await post(prompt, "a1", "error-in-200");
    expect([whole.status, JSON.parse(whole.text)]).toEqual([200, error]);
    const stream = await post({ ...prompt, ...streamed }, "a1", "error-in-200");
    expect(stream.status).toBe(200);
    expect(eventsIn(stream.text)).toEqual([error]);
    expect(await simulator.billed("a1")).toMatchObject({
      ...{ calls: 2, billedCalls: 0, reason: "error-in-200", costNanoUsd: "0" },
    });
  });
});

describe("a fault that ends a completion with an error", () => {
  it("bills what a stream sent before the error, and nothing if the error is all of an answer", async () => {
    const whole = await client.chat.completions.create(prompt);
    const { text } = await post({ ...prompt, ...streamed }, "a1", "error-after;after=10");
    const events = eventsIn(text);
    expect(countTokens(textIn(events))).toBe(10);
    expect(events.at(-1)).toEqual({ error: { message: "Rate limit exceeded", code: 429 } });
    const inputTokens = whole.usage?.prompt_tokens;
    expect(await simulator.billed("a1")).toMatchObject({
      ...{ status: "billed", reason: "error-after", usage: { inputTokens, outputTokens: 10 } },
    });
    const failed = await post(prompt, "a2", "error-after");
    expect(JSON.parse(failed.text)).toHaveProperty("error.code", 429);
    expect(await simulator.billed("a2")).toMatchObject({
      ...{ status: "unbilled", reason: "error-in-200", costNanoUsd: "0" },
    });
  });
});

describe("a fault that gives another answer", () => {
  it("no-choices has the usage of the prompt, which is billed", async () => {
    const whole = await client.chat.completions.create(prompt, named("a1", "no-choices"));
    expect(whole.choices).toEqual([]);
    expect(whole.usage).toMatchObject({ completion_tokens: 0 });
    const { text } = await post({ ...prompt, ...streamed }, "a2", "no-choices");
    expect(eventsIn(text)).toMatchObject([{ choices: [], usage: whole.usage }]);
    for (const name of ["a1", "a2"])
      expect(await simulator.billed(name)).toMatchObject({
        ...completed,
        usage: { inputTokens: whole.usage?.prompt_tokens, outputTokens: 0 },
      });
  });

  it("ignores-n has one choice, and is billed as one", async () => {
    const single = await client.chat.completions.create(prompt);
    const body = { ...prompt, n: 3 };
    const answer = await client.chat.completions.create(body, named("a1", "ignores-n"));
    expect(answer.choices).toEqual(single.choices);
    expect(answer.usage).toEqual(single.usage);
    expect(await simulator.billed("a1")).toMatchObject({
      usage: { outputTokens: single.usage?.completion_tokens },
    });
  });

  it("empty-answer has no text and no output tokens", async () => {
    const whole = await client.chat.completions.create(premium, named("a1", "empty-answer"));
    expect(whole.choices).toMatchObject([{ message: { content: "" }, finish_reason: "stop" }]);
    expect(whole.usage).toMatchObject({ completion_tokens: 0 });
    const { text } = await post({ ...premium, ...streamed }, "a2", "empty-answer");
    expect(textIn(eventsIn(text))).toBe("");
    for (const name of ["a1", "a2"])
      expect(await simulator.billed(name)).toMatchObject({
        ...completed,
        usage: { outputTokens: 0, reasoningTokens: 0 },
      });
  });
});

describe("a fault that gives another form", () => {
  it("heartbeats are empty events and comments around the same answer, which is billed", async () => {
    const whole = await client.chat.completions.create(prompt);
    const { text } = await post({ ...prompt, ...streamed }, "a1", "heartbeats");
    const beat = /^: \w+.*\n\n: ping .*\n\ndata:\n\n/;
    expect(text).toMatch(beat);
    expect(text.split("data:\n\n").length).toBeGreaterThan(10);
    const spoken = eventsIn(text.replaceAll(new RegExp(beat, "gm"), ""));
    expect(textIn(spoken)).toBe(whole.choices[0]?.message.content);
    const blank = await post(prompt, "a2", "heartbeats");
    expect(blank.text).toMatch(/^\n\n\n\{/);
    const heard = await client.chat.completions.create(prompt, named("a3", "heartbeats"));
    expect(heard.choices).toEqual(whole.choices);
    for (const name of ["a1", "a2", "a3"])
      expect(await simulator.billed(name)).toMatchObject({
        ...completed,
        usage: { outputTokens: whole.usage?.completion_tokens },
      });
  });

  it("empty-finish-reason is an empty text until the end", async () => {
    const { text } = await post({ ...prompt, stream: true }, "a1", "empty-finish-reason");
    const reasons = finishReasonsIn(eventsIn(text));
    expect(reasons.at(-1)).toBe("stop");
    expect(new Set(reasons.slice(0, -1))).toEqual(new Set([""]));
    expect(await simulator.billed("a1")).toMatchObject(completed);
  });

  it("no-finish-reason is null to the end, streamed or not", async () => {
    const { text } = await post({ ...prompt, stream: true }, "a1", "no-finish-reason");
    expect(new Set(finishReasonsIn(eventsIn(text)))).toEqual(new Set([null]));
    const whole = await client.chat.completions.create(prompt, named("a1", "no-finish-reason"));
    expect(whole.choices[0]?.finish_reason).toBeNull();
    expect(await simulator.billed("a1")).toMatchObject({ ...completed, billedCalls: 2 });
  });

  it("list-content is a list of the thought and the text, with the billed tokens of each", async () => {
    const plain = await client.chat.completions.create(premium);
    const whole = await client.chat.completions.create(premium, named("a1", "list-content"));
    const content: unknown = whole.choices[0]?.message.content;
    const reasoning = whole.usage?.completion_tokens_details?.reasoning_tokens ?? 0;
    const { thought, text } = partsIn([content]);
    expect(countTokens(thought)).toBe(reasoning);
    expect(text).toBe(plain.choices[0]?.message.content);
    const stream = await post({ ...premium, ...streamed }, "a2", "list-content");
    const deltas = eventsIn(stream.text).map(deltaOf);
    expect(partsIn(deltas.map((delta) => delta["content"]))).toEqual({ thought, text });
    for (const name of ["a1", "a2"])
      expect(await simulator.billed(name)).toMatchObject({
        ...completed,
        usage: { outputTokens: countTokens(text), reasoningTokens: reasoning },
      });
    const unthought = await client.chat.completions.create(prompt, named("a3", "list-content"));
    expect(unthought.choices[0]?.message.content).toMatchObject([{ type: "text" }]);
  });
});

describe("a fault that reports the usage in another way", () => {
  it("usage-each-chunk has the usage until each chunk, whatever the request asked for", async () => {
    const whole = await client.chat.completions.create(premium);
    const { text } = await post({ ...premium, stream: true }, "a1", "usage-each-chunk");
    const usages = usagesIn(eventsIn(text));
    const completion = usages.map((usage) => Number(usage["completion_tokens"]));
    expect(completion[0]).toBe(0);
    expect(completion).toEqual(completion.toSorted((left, right) => left - right));
    expect(usages.at(-1)).toEqual(whole.usage);
    expect(await simulator.billed("a1")).toMatchObject(completed);
  });

  it.each([0, 10])(
    "usage-each-chunk with a cut after %i tokens bills the last usage",
    async (after) => {
      const body = { ...premium, stream: true };
      const { text } = await post(body, "a1", `usage-each-chunk;after=${after}`);
      const last = usagesIn(eventsIn(text)).at(-1);
      const { reasoning_tokens: reasoning } = objectIn(last, "completion_tokens_details");
      expect(await simulator.billed("a1")).toMatchObject({
        reason: "cut-stream",
        usage: {
          inputTokens: last?.["prompt_tokens"],
          outputTokens: Number(last?.["completion_tokens"]) - Number(reasoning),
          reasoningTokens: reasoning,
        },
      });
      expect(Number(last?.["completion_tokens"]) > 0).toBe(after > 0);
    },
  );

  it("total-only shows the reasoning in the total and nowhere else", async () => {
    const whole = await client.chat.completions.create(premium, named("a1", "total-only"));
    const {
      prompt_tokens: input = 0,
      completion_tokens: output = 0,
      total_tokens: total = 0,
    } = whole.usage ?? {};
    expect(whole.usage).not.toHaveProperty("completion_tokens_details");
    expect(output).toBe(countTokens(whole.choices[0]?.message.content ?? ""));
    const reasoningTokens = total - input - output;
    expect(reasoningTokens).toBeGreaterThan(0);
    const { text } = await post({ ...premium, ...streamed }, "a2", "total-only");
    expect(usagesIn(eventsIn(text)).at(-1)).toEqual(whole.usage);
    for (const name of ["a1", "a2"])
      expect(await simulator.billed(name)).toMatchObject({
        usage: { inputTokens: input, outputTokens: output, reasoningTokens },
        costNanoUsd: String(input * 15_000 + (output + reasoningTokens) * 75_000),
      });
  });

  it("cache-writes are half of the uncached input, at a rate of their own", async () => {
    const { usage } = await client.chat.completions.create(prompt, named("a1", "cache-writes"));
    const { prompt_tokens: input = 0, completion_tokens: output = 0 } = usage ?? {};
    const written = Math.floor(input / 2);
    expect(usage?.prompt_tokens_details).toMatchObject({ cache_write_tokens: written });
    expect(await simulator.billed("a1")).toMatchObject({
      usage: { inputTokens: input - written, cacheWriteTokens: written, cacheWriteHourTokens: 0 },
      costNanoUsd: String((input - written) * 2_500 + written * 3_125 + output * 10_000),
    });
    const { usage: plain } = await client.chat.completions.create(prompt);
    expect(plain?.prompt_tokens_details).not.toHaveProperty("cache_write_tokens");
  });
});

async function post(
  body: object,
  attemptId: string,
  fault: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { headers } = named(attemptId, fault);
  const response = await fetch(`${simulator.url}/v1/chat/completions`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await textOf(response) };
}

/** Returns the text of a response, up to the place where it was cut. */
async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of body ?? []) text += decoder.decode(bytes, { stream: true });
  } catch (error) {
    expect(String(error)).toContain("terminated");
  }
  return text;
}

function eventsIn(text: string): readonly Record<string, unknown>[] {
  return text
    .split("\n\n")
    .filter((event) => event !== "" && event !== "data: [DONE]")
    .map((event) => JSON.parse(event.replace(/^data: /, "")));
}

function deltaOf(event: Record<string, unknown>): Record<string, unknown> {
  return objectIn(choiceOf(event), "delta");
}

function choiceOf({ choices }: Record<string, unknown>): Record<string, unknown> {
  const [choice]: unknown[] = Array.isArray(choices) ? choices : [];
  return isObject(choice) ? choice : {};
}

function objectIn(
  holder: Record<string, unknown> | undefined,
  name: string,
): Record<string, unknown> {
  const found = holder?.[name];
  return isObject(found) ? found : {};
}

function textIn(events: readonly Record<string, unknown>[]): string {
  const contents = events.map((event) => deltaOf(event)["content"]);
  return contents.filter((content) => typeof content === "string").join("");
}

function finishReasonsIn(events: readonly Record<string, unknown>[]): readonly unknown[] {
  return events.map((event) => choiceOf(event)["finish_reason"]);
}

function usagesIn(events: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  return events.flatMap(({ usage }) => (isObject(usage) ? [usage] : []));
}

/** Returns the thought and the text of lists in Mistral's form. */
function partsIn(contents: readonly unknown[]): {
  readonly thought: string;
  readonly text: string;
} {
  const parts: unknown[] = contents.flatMap((content) => (Array.isArray(content) ? content : []));
  const texts = { thought: "", text: "" };
  for (const part of parts.filter((one) => isObject(one))) {
    const inner: unknown[] = Array.isArray(part["thinking"]) ? part["thinking"] : [];
    for (const one of inner.filter((each) => isObject(each))) texts.thought += String(one["text"]);
    if (part["type"] === "text") texts.text += String(part["text"]);
  }
  return texts;
}
