import { describe, expect, test } from "vitest";
import { aCandidate, aDispatched } from "../attempt/dispatched.fixture.ts";
import { type AnswerPart, hasSubstance } from "./answer/answer-part.ts";
import type { Provider, ProviderCall, ProviderEnd } from "./provider.ts";

/** A call of a test, and what it changes. */
export interface CallSettings {
  readonly prompt: string;
  readonly stream?: boolean;
  readonly parameters?: object;
  readonly answers?: number;
  /** The provider's name of the model. */
  readonly model?: string;
  readonly call?: Partial<ProviderCall>;
}

/** Calls the provider with a chat of one message. Returns the end of the call, and its parts as they arrived. */
export async function callProvider(
  provider: Provider,
  { prompt, stream = false, parameters = {}, answers = 1, model, call = {} }: CallSettings,
): Promise<{ readonly end: ProviderEnd; readonly parts: readonly (readonly AnswerPart[])[] }> {
  const { request } = aDispatched({ prompt, parameters: JSON.stringify(parameters) }).admitted;
  const candidate = aCandidate(model === undefined ? {} : { model });
  const arrived: (readonly AnswerPart[])[] = [];
  const end = await provider.call(
    {
      provider: "acme-ai",
      keyIndex: 0,
      attemptId: crypto.randomUUID(),
      trace: {},
      operation: "chat",
      model: candidate.model,
      body: provider.bodyOf(request, candidate, stream),
      stream,
      answers,
      signal: new AbortController().signal,
      ...call,
    },
    (parts) => arrived.push(parts),
  );
  return { end, parts: arrived };
}

/** Calls the provider for one embedding of each input. */
export function embed(
  provider: Provider,
  inputs: readonly string[],
  parameters: object = {},
  call: Partial<ProviderCall> = {},
): Promise<ProviderEnd> {
  const { request } = aDispatched({ inputs, parameters: JSON.stringify(parameters) }).admitted;
  const candidate = aCandidate({ model: "sim-embedding-small" });
  const embeddingCall: ProviderCall = {
    ...{ provider: "acme-ai", keyIndex: 0, attemptId: crypto.randomUUID(), trace: {} },
    model: candidate.model,
    operation: "embeddings",
    body: provider.bodyOf(request, candidate, false),
    stream: false,
    answers: inputs.length,
    signal: new AbortController().signal,
    ...call,
  };
  return provider.call(embeddingCall, () => undefined);
}

/**
 * Declares the tests that every provider passes.
 *
 * @param provider declares `acme-ai` with one key, and follows the simulator's markers in a prompt
 * @param model the provider's name of a chat model
 */
export function providerContract(
  name: string,
  provider: () => Provider,
  model = "sim-economy",
): void {
  const chat = (settings: CallSettings) => callProvider(provider(), { model, ...settings });

  describe(`a call of a provider (${name})`, () => {
    test("returns a whole answer with its usage", async () => {
      const { end, parts } = await chat({ prompt: "Name a river." });
      expect(end).toMatchObject({ kind: "answered" });
      expect(parts).toEqual([]);
      if (end.kind !== "answered") return;
      expect(end.answer.choices[0]).toMatchObject({ index: 0, finishReason: "stop" });
      expect(end.answer.choices[0]?.content).not.toBe("");
      expect(end.usage?.usage.inputTokens).toBeGreaterThan(0n);
      expect(end.usage?.usage.outputTokens).toBeGreaterThan(0n);
    });

    test("returns a streamed answer in parts, whose texts are the answer", async () => {
      const { end, parts } = await chat({
        prompt: "Name a lake.",
        stream: true,
      });
      expect(end).toMatchObject({ kind: "answered" });
      if (end.kind !== "answered") return;
      expect(textOf(parts)).toBe(end.answer.choices[0]?.content);
      expect(parts.flat().some(hasSubstance)).toBe(true);
      expect(end.usage?.usage.outputTokens).toBeGreaterThan(0n);
    });

    test("is refused by a 429, with the time to wait", async () => {
      const prompt = "[[fault:429 retry-after=3]]";
      const { end } = await chat({ prompt });
      expect(end).toEqual({
        kind: "refused",
        code: "rate_limited",
        status: 429,
        retryAfterMs: 3_000,
      });
    });

    test("is refused by a server error", async () => {
      const { end } = await chat({ prompt: "[[fault:500]]", stream: true });
      expect(end).toMatchObject({ kind: "refused", code: "server_error", status: 500 });
    });

    test("is cut if a stream breaks off, and keeps the text that arrived", async () => {
      const prompt = "[[fault:cut-stream after=8]]";
      const { end, parts } = await chat({ prompt, stream: true });
      expect(end).toMatchObject({
        kind: "cut",
        code: "connection_lost",
        answer: { choices: [{ content: textOf(parts) }] },
      });
    });

    test("is lost if a stream breaks off before any text arrived", async () => {
      const prompt = "[[fault:cut-stream after=0]]";
      const { end } = await chat({ prompt, stream: true });
      expect(end).toEqual({ kind: "lost", code: "connection_lost" });
    });

    test("is lost if the provider is silent for too long", async () => {
      const { end } = await chat({ prompt: "[[fault:timeout-after-billing]]" });
      expect(end).toEqual({ kind: "lost", code: "timed_out" });
    });

    test("is lost if its signal aborts", async () => {
      const aborting = new AbortController();
      setTimeout(() => aborting.abort(), 20);
      const { end } = await chat({
        prompt: "[[fault:hang]]",
        stream: true,
        call: { signal: aborting.signal },
      });
      expect(end).toEqual({ kind: "lost", code: "aborted" });
    });

    test("is refused if its provider is not declared", async () => {
      const { end } = await chat({
        prompt: "Hello.",
        call: { provider: "undeclared" },
      });
      expect(end).toMatchObject({ kind: "refused", code: "unreachable" });
    });
  });
}

/** Declares the tests that every provider passes which makes embeddings. It has the same demands on the provider. */
export function embeddingsContract(name: string, provider: () => Provider): void {
  describe(`a call of a provider for embeddings (${name})`, () => {
    test("returns one embedding for each input, with its usage", async () => {
      const end = await embed(provider(), ["a river", "a lake"]);
      expect(end).toMatchObject({ kind: "answered", answer: { choices: [], cut: false } });
      if (end.kind !== "answered") return;
      const [first, second] = end.answer.embeddings;
      expect(end.answer.embeddings).toHaveLength(2);
      expect(first!.byteLength % 4).toBe(0);
      expect(first).not.toEqual(second);
      expect(end.usage?.usage.inputTokens).toBeGreaterThan(0n);
    });

    test("is refused or lost in the same way as a chat", async () => {
      expect(await embed(provider(), ["[[fault:429 retry-after=3]]"])).toEqual({
        ...{ kind: "refused", code: "rate_limited", status: 429, retryAfterMs: 3_000 },
      });
      const code = "connection_lost";
      expect(await embed(provider(), ["[[fault:cut-stream after=0]]"])).toEqual({
        ...{ kind: "lost", code },
      });
    });

    test("is unusable, with its usage, if an embedding is missing", async () => {
      const end = await embed(provider(), ["one", "[[answer:vector-missing]]"]);
      expect(end).toMatchObject({ kind: "unusable", code: "answer_unusable" });
      const usage = end.kind === "unusable" ? end.usage?.usage : undefined;
      expect(usage?.inputTokens).toBeGreaterThan(0n);
    });
  });
}

function textOf(parts: readonly (readonly AnswerPart[])[]): string {
  return parts
    .flat()
    .map((part) => (part.kind === "text" ? part.text : ""))
    .join("");
}
