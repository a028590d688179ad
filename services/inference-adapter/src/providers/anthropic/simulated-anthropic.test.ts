import type { Answer } from "@sluice/contracts";
import { type Dialect, plainDialect } from "@sluice/declarations";
import { SystemClock } from "@sluice/domain";
import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aCandidate } from "../../attempt/dispatched.fixture.ts";
import { callProvider, providerContract } from "../provider.contract.ts";
import type { ProviderEnd } from "../provider.ts";
import { type BilledAttempt, type Simulator, startSimulator } from "../wire/simulator.fixture.ts";
import { AnthropicProvider } from "./anthropic-provider.ts";

const key = "sk-test";
const timeouts = { connectMs: 2_000, silenceMs: 600, beginMs: 1_200 };
const model = "sim-anthropic-standard";

let simulator: Simulator;
let provider: AnthropicProvider;
beforeAll(async () => {
  simulator = await startSimulator(key);
  provider = providerWith({});
});
afterAll(async () => {
  provider.close();
  await simulator.stop();
});

function providerWith(dialect: Partial<Dialect>, keys = [key]): AnthropicProvider {
  const served = { beginMs: null, dialect: { ...plainDialect, ...dialect } };
  const models = new Map([[model, served]]);
  const endpoint = { id: "acme-ai", baseUrl: `${simulator.url}/v1`, keys, models };
  return new AnthropicProvider([endpoint], timeouts, new SystemClock());
}

providerContract("Anthropic's package against the simulator", () => provider, model);

async function billed(attemptId: string): Promise<BilledAttempt | undefined> {
  return (await simulator.bill()).find((attempt) => attempt.attemptId === attemptId);
}

/** Returns the usage that the adapter read, in the form of the bill. */
function readUsage(end: ProviderEnd): object {
  const usage = "usage" in end ? end.usage?.usage : undefined;
  return {
    inputTokens: Number(usage?.inputTokens),
    cachedInputTokens: Number(usage?.cachedInputTokens),
    cacheWriteTokens: Number(usage?.cacheWriteTokens),
    cacheWriteHourTokens: Number(usage?.cacheWriteHourTokens),
    outputTokens: Number(usage?.outputTokens),
    reasoningTokens: Number(usage?.reasoningTokens ?? 0n),
  };
}

describe("a call of Anthropic's protocol", () => {
  test.each([false, true])(
    "is billed once for the usage that the adapter read (streamed: %s)",
    async (stream) => {
      const attemptId = crypto.randomUUID();
      const parameters = { reasoning_effort: "high" };
      const settings = { prompt: "Billed?", model, stream, parameters, call: { attemptId } };
      const { end } = await callProvider(provider, settings);
      expect(end).toMatchObject({ kind: "answered" });
      expect(await billed(attemptId)).toMatchObject({ billedCalls: 1, usage: readUsage(end) });
    },
  );

  test.each([{ temperature: 0 }, { top_p: 0.5 }, { temperature: 1, top_p: 1 }, { temperature: 2 }])(
    "may have the sampling parameters %j, which only an earlier version of the API takes",
    async (parameters) => {
      const { end } = await callProvider(provider, { prompt: "Drawn?", model, parameters });
      expect(end).toMatchObject({ kind: "answered" });
    },
  );

  test("is refused by an overloaded provider, with its own code for a wrong key and an unknown model", async () => {
    const prompt = "[[fault:529]]";
    expect((await callProvider(provider, { prompt, model })).end).toMatchObject({
      ...{ kind: "refused", code: "server_error", status: 529 },
    });
    const withWrongKey = providerWith({}, ["sk-wrong"]);
    expect((await callProvider(withWrongKey, { prompt: "x", model })).end).toMatchObject({
      code: "unauthorized",
    });
    withWrongKey.close();
    expect((await callProvider(provider, { prompt: "x", model: "claude-none" })).end).toMatchObject(
      {
        code: "model_unknown",
      },
    );
  });

  test("has calls of tools whose results the provider takes back, with the thinking before them", async () => {
    const tools = [
      { type: "function", function: { name: "look", parameters: { type: "object" } } },
    ];
    const first = await chat([aMessage({ content: "Look." })], {
      ...{ tools, tool_choice: "required" },
    });
    const [call] = JSON.parse(first.choices[0]?.toolCalls ?? "[]");
    expect(call).toMatchObject({ type: "function", function: { name: "look" } });
    const history = [
      aMessage({ content: "Look." }),
      assistantOf(first),
      aMessage({ role: "tool", content: "blue", toolCallId: String(call.id) }),
    ];
    const second = await chat(history, { tools });
    expect(second.choices[0]?.content).not.toBeNull();
  });

  test("takes its own thinking back, which it has signed", async () => {
    const parameters = { reasoning_effort: "high" };
    const asked = aMessage({ content: "Think." });
    const first = await chat([asked], parameters);
    expect(first.choices[0]?.members).toContain("anthropic-claude-v1");
    const second = await chat(
      [asked, assistantOf(first), aMessage({ content: "On." })],
      parameters,
    );
    expect(second.choices[0]?.members).toContain("anthropic-claude-v1");
  });

  test("reads at least 80 % of a later turn's input from the cache, with both classes of writes billed", async () => {
    const caching = providerWith({ promptCache: { minTokens: 1_024, duration: "1h" } });
    const history = [aMessage({ role: "system", content: "You advise on rivers. ".repeat(400) })];
    const shares: number[] = [];
    for (const question of ["One?", "Two?", "Three?"]) {
      history.push(aMessage({ content: question }));
      const attemptId = crypto.randomUUID();
      // oxlint-disable-next-line no-await-in-loop -- one turn after the other
      const end = await endOf(caching, history, {}, attemptId);
      if (end.kind !== "answered") throw new Error("The provider did not answer.");
      history.push(assistantOf(end.answer));
      // oxlint-disable-next-line no-await-in-loop -- as above
      expect(await billed(attemptId)).toMatchObject({ billedCalls: 1, usage: readUsage(end) });
      const { inputTokens, cachedInputTokens, cacheWriteTokens, cacheWriteHourTokens } =
        end.usage!.usage;
      const written = (cacheWriteTokens ?? 0n) + (cacheWriteHourTokens ?? 0n);
      const input = (inputTokens ?? 0n) + (cachedInputTokens ?? 0n) + written;
      shares.push(Number(cachedInputTokens) / Number(input));
    }
    caching.close();
    expect(shares[0]).toBe(0);
    expect(shares.slice(1).every((share) => share >= 0.8)).toBe(true);
  });
});

async function chat(messages: readonly ReturnType<typeof aMessage>[], parameters: object) {
  const end = await endOf(provider, messages, parameters, crypto.randomUUID());
  if (end.kind !== "answered") throw new Error(`The provider did not answer: ${end.code}.`);
  return end.answer;
}

function endOf(
  to: AnthropicProvider,
  messages: readonly ReturnType<typeof aMessage>[],
  parameters: object,
  attemptId: string,
): Promise<ProviderEnd> {
  const request = aRequest({ messages: [...messages], parameters: JSON.stringify(parameters) });
  const candidate = aCandidate({ model, outputLimit: 4_000n });
  return to.call(
    {
      ...{ provider: "acme-ai", model, keyIndex: 0, attemptId, trace: {} },
      ...{ operation: "chat", stream: false, answers: 1 },
      body: to.bodyOf(request, candidate, false),
      signal: new AbortController().signal,
    },
    () => undefined,
  );
}

/** Returns an answer as a client sends it back. */
function assistantOf({ choices: [choice] }: Answer) {
  const { content = null, toolCalls = null, members = null } = choice ?? {};
  return aMessage({ role: "assistant", content: content ?? "", toolCalls, members });
}
