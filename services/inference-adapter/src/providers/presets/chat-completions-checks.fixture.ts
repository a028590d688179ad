import { base64Of, embeddingOf } from "@sluice/domain";
import { expect } from "vitest";
import type { Exchange, Reply } from "./declared-preset.fixture.ts";
import type { Capability, Check } from "./preset-rows.fixture.ts";

/** Answers of a provider with OpenAI's API, in the form in which its documentation shows them. All texts are "42". */
export interface Samples {
  readonly whole: object;
  readonly stream: string;
  /** What is read of the usage of either. */
  readonly usage: object;
  /** Whether the provider is asked for the usage of a stream. */
  readonly asksForUsage: boolean;
  readonly limitName: "max_tokens" | "max_completion_tokens";
  /** A stream that calls `add` with 1 and 2, and with 3 and 4. */
  readonly twoCalls: string;
  /** An answer of a model that reasons, and the members in which a client sees it. */
  readonly reasoned: { readonly whole: object; readonly shows: object; readonly usage?: object };
  readonly takesReasoning: boolean;
  /** An answer whose prompt was read from a cache, and the classes of its usage. */
  readonly cached: { readonly whole: object; readonly usage: object };
  readonly encoding: "base64" | "float";
  /** Additional members of requests, with a value. */
  readonly requestMembers: Readonly<Record<string, unknown>>;
  readonly answerMembers: readonly string[];
  readonly error: Reply & { readonly words: string };
  readonly quota: Reply;
  readonly limited: Reply & { readonly retryAfterMs: number | null };
}

const tools = [{ type: "function", function: { name: "add", parameters: { type: "object" } } }];
const call = (id: string, text: string) => ({
  ...{ id, type: "function", function: { name: "add", arguments: text } },
});
const history = { reasoning_content: "6 is 2 times 3", reasoning: "6 is 2 times 3" };

/** Returns the checks of all rows, of which a preset may replace some. */
export function chatCompletionsChecks(samples: Samples): Readonly<Record<Capability, Check>> {
  return { ...answerChecks(samples), ...requestChecks(samples), ...refusalChecks(samples) };
}

function answerChecks(samples: Samples) {
  return {
    "whole answers": async (preset) => {
      const { end, body } = await preset.call(samples.whole);
      expectAnswer(end, { content: "42", finishReason: "stop" }, samples.usage);
      expect(body).toMatchObject({ model: "served-chat", stream: false });
    },
    streams: async (preset) => {
      const { end, parts } = await preset.call(samples.stream, { stream: true });
      expectAnswer(end, { content: "42", finishReason: "stop" });
      expect(textOf(parts)).toBe("42");
    },
    "usage of a stream": async (preset) => {
      const { end, body } = await preset.call(samples.stream, { stream: true });
      expectAnswer(end, {}, samples.usage);
      const asked = samples.asksForUsage ? { include_usage: true } : undefined;
      expect(body["stream_options"]).toEqual(asked);
    },
    "parallel tool calls": async (preset) => {
      const parameters = { tools, parallel_tool_calls: true };
      const { end, body } = await preset.call(samples.twoCalls, { stream: true, parameters });
      expect(body["parallel_tool_calls"]).toBe(true);
      const calls = callsOf(end);
      expect(calls.map(({ arguments: text }) => JSON.parse(text))).toEqual([
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ]);
      expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    },
    "reasoning shown": async (preset) => {
      const { end } = await preset.call(samples.reasoned.whole);
      expectAnswer(end, { content: "42" }, samples.reasoned.usage);
      expect(membersOf(end)).toEqual(samples.reasoned.shows);
    },
    "prompt cache classes in usage": async (preset) => {
      const { end } = await preset.call(samples.cached.whole);
      expectAnswer(end, {}, samples.cached.usage);
    },
    "embeddings and their encoding": async (preset) => {
      const values = [0.5, -0.25];
      const embedding = samples.encoding === "base64" ? base64Of(embeddingOf(values)) : values;
      const usage = { prompt_tokens: 3, total_tokens: 3 };
      const data = [{ object: "embedding", index: 0, embedding }];
      const { end, body, path } = await preset.call(
        { object: "list", data, model: "served-embeddings", usage },
        { inputs: ["a"] },
      );
      expect(path).toBe(`${new URL(preset.baseUrl).pathname}/embeddings`);
      expect(body).toMatchObject({ encoding_format: samples.encoding, input: ["a"] });
      expect(end).toMatchObject({ answer: { embeddings: [embeddingOf(values)] } });
    },
    "additional members of answers": async (preset) => {
      const members = { annotations: [{ type: "url_citation" }], other: 1 };
      const message = { role: "assistant", content: "42", ...members };
      const { end } = await preset.call({
        choices: [{ index: 0, message, finish_reason: "stop" }],
      });
      const kept = Object.entries(members).filter(([name]) => samples.answerMembers.includes(name));
      expect(membersOf(end)).toEqual(Object.fromEntries(kept));
    },
  } satisfies Partial<Record<Capability, Check>>;
}

function requestChecks(samples: Samples) {
  return {
    address: async (preset) => {
      const { path } = await preset.call(samples.whole);
      expect(path).toBe(`${new URL(preset.baseUrl).pathname}/chat/completions`);
    },
    key: async (preset) => {
      const { headers } = await preset.call(samples.whole);
      expect(headers.authorization).toBe(`Bearer ${preset.key}`);
    },
    "name of the output limit": async (preset) => {
      for (const parameters of [{}, { max_tokens: 9 }, { max_completion_tokens: 9 }]) {
        const { body } = await preset.call(samples.whole, { parameters });
        const { max_tokens, max_completion_tokens } = body;
        expect({ max_tokens, max_completion_tokens }).toEqual({
          ...{ max_tokens: undefined, max_completion_tokens: undefined },
          [samples.limitName]: 400,
        });
      }
    },
    tools: async (preset) => {
      const messages = [
        {},
        { role: "assistant", content: "", toolCalls: JSON.stringify([call("c1", "{}")]) },
        { role: "tool", content: "3", toolCallId: "c1" },
      ];
      const parameters = { tools, tool_choice: "required" };
      const { body } = await preset.call(samples.whole, { messages, parameters });
      expect(body).toMatchObject(parameters);
      expect(body["messages"]).toMatchObject([
        { role: "user" },
        { role: "assistant", content: null, tool_calls: [call("c1", "{}")] },
        { role: "tool", content: "3", tool_call_id: "c1" },
      ]);
    },
    images: async (preset) => {
      const parts = [
        { type: "text", text: "What?" },
        { type: "image_url", image_url: { url: "https://example.com/a.png" } },
        { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
      ];
      const messages = [{ content: "What?", parts: JSON.stringify(parts) }];
      const { body } = await preset.call(samples.whole, { messages });
      expect(body["messages"]).toEqual([{ role: "user", content: parts }]);
    },
    "JSON schema": async (preset) => {
      const schema = { type: "object", properties: { z: {}, a: {} } };
      const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
      const { body } = await preset.call(samples.whole, { parameters: { response_format } });
      expect(JSON.stringify(body["response_format"])).toBe(JSON.stringify(response_format));
    },
    "reasoning in a history": async (preset) => {
      const messages = [{ role: "assistant", content: "42", members: JSON.stringify(history) }, {}];
      const { body } = await preset.call(samples.whole, { messages });
      const sent = { role: "assistant", content: "42", ...(samples.takesReasoning && history) };
      expect(body["messages"]).toEqual([sent, { role: "user", content: "6 times 7?" }]);
    },
    "additional members of requests": async (preset) => {
      const parameters = { ...samples.requestMembers, not_declared: 1, seed: 2 };
      const { body } = await preset.call(samples.whole, { parameters });
      expect(body).toMatchObject({ ...samples.requestMembers, seed: 2 });
      expect(body).not.toHaveProperty("not_declared");
    },
  } satisfies Partial<Record<Capability, Check>>;
}

function refusalChecks({ error, quota, limited }: Samples) {
  return {
    "form of errors": async (preset) => {
      const { end } = await preset.call(error);
      expect(end).toMatchObject({ kind: "refused", code: "request_refused", words: error.words });
    },
    quota: async (preset) => {
      const { end } = await preset.call(quota);
      expect(end).toMatchObject({ kind: "refused", code: "quota_exhausted" });
    },
    "rate limits": async (preset) => {
      const { end } = await preset.call(limited);
      const { retryAfterMs } = limited;
      expect(end).toMatchObject({ kind: "refused", code: "rate_limited", retryAfterMs });
    },
  } satisfies Partial<Record<Capability, Check>>;
}

export function expectAnswer(end: Exchange["end"], choice: object, usage: object = {}): void {
  expect(end).toMatchObject({
    kind: "answered",
    answer: { choices: [{ index: 0, ...choice }] },
    usage: { usage },
  });
}

export function textOf(parts: Exchange["parts"]): string {
  return parts.map((part) => (part.kind === "text" ? (part.text ?? "") : "")).join("");
}

interface Called {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export function callsOf(end: Exchange["end"]): readonly Called[] {
  const calls: unknown = JSON.parse(choiceOf(end).toolCalls ?? "[]");
  expect(calls).toBeInstanceOf(Array);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a call of another form fails the test
  return (calls as { readonly id: string; readonly function: Called }[]).map((each) => ({
    ...each.function,
    id: each.id,
  }));
}

/** Returns the members in which a client sees reasoning and what else is kept of an answer. */
export function membersOf(end: Exchange["end"]): unknown {
  return JSON.parse(choiceOf(end).members ?? "{}");
}

function choiceOf(end: Exchange["end"]) {
  if (end.kind !== "answered") throw new Error(`The call was not answered: ${JSON.stringify(end)}`);
  const [choice] = end.answer.choices;
  if (!choice) throw new Error("The answer has no choice.");
  return choice;
}
