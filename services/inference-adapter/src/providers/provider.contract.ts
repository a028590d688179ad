import { describe, expect, test } from "vitest";
import { aCandidate, aDispatched } from "../attempt/dispatched.fixture.ts";
import type { Chunk, Provider, ProviderCall, ProviderEnd } from "./provider.ts";
import { bodyOf } from "./openai/provider-body.ts";

export interface Asked {
  readonly prompt: string;
  readonly stream?: boolean;
  readonly parameters?: object;
  readonly answers?: number;
  readonly call?: Partial<ProviderCall>;
}

export async function ask(
  provider: Provider,
  { prompt, stream = false, parameters = {}, answers = 1, call = {} }: Asked,
): Promise<{ readonly end: ProviderEnd; readonly chunks: readonly Chunk[] }> {
  const { request } = aDispatched({ prompt, parameters: JSON.stringify(parameters) }).admitted;
  const chunks: Chunk[] = [];
  const end = await provider.call(
    {
      provider: "acme-ai",
      keyIndex: 0,
      attemptId: crypto.randomUUID(),
      trace: {},
      operation: "chat",
      body: bodyOf(request, aCandidate(), stream),
      answers,
      signal: new AbortController().signal,
      ...call,
    },
    (chunk) => chunks.push(chunk),
  );
  return { end, chunks };
}

/** Asks for an embedding per input. */
export function embed(
  provider: Provider,
  inputs: readonly string[],
  parameters: object = {},
  call: Partial<ProviderCall> = {},
): Promise<ProviderEnd> {
  const { request } = aDispatched({ inputs, parameters: JSON.stringify(parameters) }).admitted;
  const candidate = aCandidate({ model: "sim-embedding-small" });
  const asked: ProviderCall = {
    ...{ provider: "acme-ai", keyIndex: 0, attemptId: crypto.randomUUID(), trace: {} },
    operation: "embeddings",
    body: bodyOf(request, candidate, false),
    answers: inputs.length,
    signal: new AbortController().signal,
    ...call,
  };
  return provider.call(asked, () => undefined);
}

/** @param provider knows `acme-ai` with one key, which obeys the simulator's markers in a prompt */
export function providerContract(name: string, provider: () => Provider): void {
  describe(`a provider, ${name}`, () => {
    test("answers as a whole, with its usage", async () => {
      const { end, chunks } = await ask(provider(), { prompt: "Name a river." });
      expect(end).toMatchObject({ kind: "answered" });
      expect(chunks).toEqual([]);
      if (end.kind !== "answered") return;
      expect(end.answer.choices[0]).toMatchObject({ index: 0, finishReason: "stop" });
      expect(end.answer.choices[0]?.content).not.toBe("");
      expect(end.usage?.usage.inputTokens).toBeGreaterThan(0n);
      expect(end.usage?.usage.outputTokens).toBeGreaterThan(0n);
    });

    test("answers in chunks whose texts are the answer", async () => {
      const { end, chunks } = await ask(provider(), {
        prompt: "Name a lake.",
        stream: true,
      });
      expect(end).toMatchObject({ kind: "answered" });
      if (end.kind !== "answered") return;
      expect(textOf(chunks)).toBe(end.answer.choices[0]?.content);
      expect(chunks.some(({ hasSubstance }) => hasSubstance)).toBe(true);
      expect(end.usage?.usage.outputTokens).toBeGreaterThan(0n);
    });

    test("refuses for the time being, and may say for how long", async () => {
      const prompt = "[[fault:429 retry-after=3]]";
      const { end } = await ask(provider(), { prompt });
      expect(end).toEqual({
        kind: "refused",
        code: "rate_limited",
        status: 429,
        retryAfterMs: 3_000,
      });
    });

    test("fails on its own side", async () => {
      const { end } = await ask(provider(), { prompt: "[[fault:500]]", stream: true });
      expect(end).toMatchObject({ kind: "refused", code: "server_error", status: 500 });
    });

    test("breaks off a stream: what came is known", async () => {
      const prompt = "[[fault:cut-stream after=8]]";
      const { end, chunks } = await ask(provider(), { prompt, stream: true });
      expect(end).toMatchObject({
        kind: "cut",
        code: "connection_lost",
        answer: { choices: [{ content: textOf(chunks) }] },
      });
    });

    test("breaks off before anything was seen", async () => {
      const prompt = "[[fault:cut-stream after=0]]";
      const { end } = await ask(provider(), { prompt, stream: true });
      expect(end).toEqual({ kind: "lost", code: "connection_lost" });
    });

    test("is silent for too long: nobody knows what it bills", async () => {
      const { end } = await ask(provider(), { prompt: "[[fault:timeout-after-billing]]" });
      expect(end).toEqual({ kind: "lost", code: "timed_out" });
    });

    test("is left when we end the call", async () => {
      const leaving = new AbortController();
      setTimeout(() => leaving.abort(), 20);
      const { end } = await ask(provider(), {
        prompt: "[[fault:hang]]",
        stream: true,
        call: { signal: leaving.signal },
      });
      expect(end).toEqual({ kind: "lost", code: "aborted" });
    });

    test("makes an embedding per input, with its usage, and is billed no output", async () => {
      const end = await embed(provider(), ["a river", "a lake"]);
      expect(end).toMatchObject({ kind: "answered", answer: { choices: [], cut: false } });
      if (end.kind !== "answered") return;
      const [first, second] = end.answer.embeddings;
      expect(end.answer.embeddings).toHaveLength(2);
      expect(first!.byteLength % 4).toBe(0);
      expect(first).not.toEqual(second);
      expect(end.usage?.usage.inputTokens).toBeGreaterThan(0n);
    });

    test("refuses embeddings for the time being, and breaks off before they were there", async () => {
      expect(await embed(provider(), ["[[fault:429 retry-after=3]]"])).toEqual({
        ...{ kind: "refused", code: "rate_limited", status: 429, retryAfterMs: 3_000 },
      });
      const code = "connection_lost";
      expect(await embed(provider(), ["[[fault:cut-stream after=0]]"])).toEqual({
        ...{ kind: "lost", code },
      });
    });

    test("that makes an embedding too few is to be paid for what nobody can use", async () => {
      const end = await embed(provider(), ["one", "[[answer:vector-missing]]"]);
      expect(end).toMatchObject({ kind: "unusable", code: "answer_unusable" });
      const usage = end.kind === "unusable" ? end.usage?.usage : undefined;
      expect(usage?.inputTokens).toBeGreaterThan(0n);
    });

    test("that is not declared is never reached", async () => {
      const { end } = await ask(provider(), {
        prompt: "Hello.",
        call: { provider: "nobody" },
      });
      expect(end).toMatchObject({ kind: "refused", code: "unreachable" });
    });
  });
}

function textOf(chunks: readonly Chunk[]): string {
  return chunks
    .flatMap(({ choices }) => choices)
    .map(
      (choice: { readonly delta?: { readonly content?: string | null } }) => choice.delta?.content,
    )
    .join("");
}
