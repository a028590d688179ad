import { noUsage } from "@sluice/domain";
import { expect, test } from "vitest";
import { aDispatched } from "./dispatched.fixture.ts";
import { completedUsage } from "./estimate.ts";
import { answerOf } from "../providers/in-memory-provider.ts";
import { BytePairTokenCounter } from "@sluice/tokens";

const counter = await BytePairTokenCounter.load();
const { request } = aDispatched().admitted;
const answer = answerOf(["Paris is", " the capital of France."], "stop");

test("figures that the provider did not report are estimated and named", async () => {
  const { usage, estimatedFigures } = await completedUsage(null, request, answer, counter);
  expect(usage).toMatchObject({ inputTokens: 14n, outputTokens: 7n, reasoningTokens: null });
  expect(estimatedFigures).toEqual(["inputTokens", "outputTokens"]);
});

test("figures that the provider reported stay, including a zero", async () => {
  const reported = {
    inputTokens: 0n,
    cachedInputTokens: 9n,
    cacheWriteTokens: null,
    cacheWriteHourTokens: null,
    outputTokens: null,
    reasoningTokens: null,
    otherTokens: {},
  };
  const { usage, estimatedFigures } = await completedUsage(reported, request, answer, counter);
  expect(usage).toMatchObject({ inputTokens: 0n, cachedInputTokens: 9n, outputTokens: 7n });
  expect(estimatedFigures).toEqual(["outputTokens"]);
});

test("of an answer that broke off, a reported output stays unless far more text has arrived", async () => {
  const cut = answerOf([Array.from({ length: 60 }, (_, at) => `${at} rivers`).join(" ")], "");
  const withOutput = (outputTokens: bigint, isCut: boolean) =>
    completedUsage({ ...noUsage, outputTokens }, request, cut, counter, isCut);
  const counted = (await completedUsage(null, request, cut, counter)).usage.outputTokens!;
  expect(await withOutput(1n, true)).toMatchObject({
    ...{ usage: { outputTokens: counted }, estimatedFigures: ["outputTokens"] },
  });
  for (const reported of [counted - 20n, counted + 900n])
    // oxlint-disable-next-line no-await-in-loop -- in order
    expect(await withOutput(reported, true)).toMatchObject({
      ...{ usage: { outputTokens: reported }, estimatedFigures: [] },
    });
  // A provider that answered in full knows what it made.
  expect(await withOutput(1n, false)).toMatchObject({ usage: { outputTokens: 1n } });
});

test("of an answer that broke off, visible reasoning that was reported is not counted again as output", async () => {
  const rivers = Array.from({ length: 800 }, (_, at) => `${at} rivers`).join(" ");
  const counted = async (text: string) => (await counter.count([text])).counted;
  const [choice] = answer.choices;
  const members = JSON.stringify({ reasoning_content: rivers });
  const cut = { ...answer, choices: [{ ...choice!, content: "42", members }] };
  const metered = async (outputTokens: bigint | null, reasoningTokens: bigint | null) => {
    const reported = { ...noUsage, outputTokens, reasoningTokens };
    const { usage, estimatedFigures } = await completedUsage(reported, request, cut, counter, true);
    return [usage.outputTokens, usage.reasoningTokens, ...estimatedFigures];
  };
  const thoughts = await counted(rivers);
  const all = thoughts + (await counted("42"));
  expect(all).toBeGreaterThan(1_600n);
  expect(await metered(5n, thoughts)).toEqual([5n, thoughts]);
  // Only the beginning of the reasoning was reported.
  expect(await metered(5n, 100n)).toEqual([all - 100n, 100n, "outputTokens"]);
  expect(await metered(1n, null)).toEqual([all, null, "outputTokens"]);
  expect(await metered(null, 100n)).toEqual([all - 100n, 100n, "outputTokens"]);
  // Hidden reasoning can be longer than all that arrived.
  expect(await metered(5n, all * 3n)).toEqual([5n, all * 3n]);
  expect(await metered(null, all * 3n)).toEqual([0n, all * 3n, "outputTokens"]);
});

const thought = "six times seven is forty-two ".repeat(20);
const blob = Buffer.from(Array.from({ length: 12_288 }, (_, at) => (at * 7_919) >> 3)).toString(
  "base64",
);

test.each<[object, string]>([
  [{ reasoning_content: thought }, thought],
  [{ reasoning: thought }, thought],
  [{ reasoning_content: thought, reasoning: thought }, thought],
  [{ reasoning_content: "", reasoning: thought }, thought],
  [{ reasoning: thought, reasoning_details: [{ type: "reasoning.text", text: thought }] }, thought],
  [
    {
      reasoning_details: [
        { type: "reasoning.text", text: thought, signature: blob, id: "r1", index: 0 },
        { type: "reasoning.summary", summary: "So 42.", format: "unknown" },
        { type: "reasoning.encrypted", data: blob },
        null,
      ],
    },
    `${thought}So 42.`,
  ],
  [{ reasoning_details: [{ type: "reasoning.encrypted", data: blob }] }, ""],
  [{ reasoning: null, reasoning_content: { text: thought } }, thought],
  [{ reasoning: 42, reasoning_details: "" }, ""],
])("one text of reasoning is counted, in the history and in an answer: %#", async (of, text) => {
  const members = JSON.stringify(of);
  const [message] = request.messages;
  const [choice] = answer.choices;
  const reasoned = { ...answer, choices: [{ ...choice!, members }] };
  const history = { ...request, messages: [{ ...message!, members }] };
  const { usage: plain } = await completedUsage(null, request, answer, counter);
  const { usage } = await completedUsage(null, history, reasoned, counter);
  const { counted } = await counter.count([text]);
  expect(usage.inputTokens! - plain.inputTokens!).toBe(counted);
  expect(usage.outputTokens! - plain.outputTokens!).toBe(counted);
});

test("of a tool call, its name and arguments are counted, and no id or signature", async () => {
  const args = JSON.stringify({ city: "Paris", days: 3 });
  const called = { name: "forecast_of", arguments: args };
  const more = { id: `call_${blob}`, extra_content: { google: { thought_signature: blob } } };
  const toolCalls = JSON.stringify([
    { ...more, type: "function", function: called },
    { ...more, type: "custom", custom: { name: "shell", input: "ls -l /tmp" } },
    null,
  ]);
  const [message] = request.messages;
  const [choice] = answer.choices;
  const calling = { ...answer, choices: [{ ...choice!, toolCalls }] };
  const history = { ...request, messages: [{ ...message!, toolCalls }] };
  const { usage: plain } = await completedUsage(null, request, answer, counter);
  const { usage } = await completedUsage(null, history, calling, counter);
  const { counted } = await counter.count([called.name, args, "shell", "ls -l /tmp"]);
  expect(usage.inputTokens! - plain.inputTokens!).toBe(counted);
  expect(usage.outputTokens! - plain.outputTokens!).toBe(counted);
});

test("tools and media are counted as input", async () => {
  const [message] = request.messages;
  const withMore = {
    ...request,
    parameters: JSON.stringify({ tools: [{ type: "function", function: { name: "look" } }] }),
    messages: [{ ...message!, parts: JSON.stringify([{ type: "text" }, { type: "image_url" }]) }],
  };
  const plain = await completedUsage(null, request, answer, counter);
  const more = await completedUsage(null, withMore, answer, counter);
  expect(more.usage.inputTokens! - plain.usage.inputTokens!).toBeGreaterThan(85n);
});

test("the name and the id of the answered call are counted, and a refusal only as text", async () => {
  const [message] = request.messages;
  const inputOf = async (change: object) => {
    const changed = { ...request, messages: [{ ...message!, ...change }] };
    const { usage } = await completedUsage(null, changed, answer, counter);
    return usage.inputTokens!;
  };
  const plain = await inputOf({});
  const texts = { name: "ann_smith", toolCallId: "call_9f8e7d6c5b" };
  for (const [member, text] of Object.entries(texts)) {
    const { counted } = await counter.count([text]);
    expect(await inputOf({ [member]: text })).toBe(plain + counted);
  }
  const parts = [
    { type: "text", text: "What is the capital" },
    { type: "refusal", refusal: " of France?" },
  ];
  expect(await inputOf({ parts: JSON.stringify(parts) })).toBe(plain);
  const pictured = [...parts, { type: "image_url", image_url: { url: "https://example.org/a" } }];
  expect(await inputOf({ parts: JSON.stringify(pictured) })).toBe(plain + 85n);
});

test("embeddings have no output tokens, and their input is estimated if it was not reported", async () => {
  const { request: embeddings } = aDispatched({
    inputs: ["What is the", "capital of France?"],
  }).admitted;
  const asTokens = { ...embeddings, inputs: [], tokenInputs: [[1, 2, 3], [4]] };
  const reported = { ...noUsage, inputTokens: 9n, outputTokens: null };
  expect(await completedUsage(reported, embeddings, null, counter)).toMatchObject({
    ...{ usage: { inputTokens: 9n, outputTokens: 0n }, estimatedFigures: [] },
  });
  expect(await completedUsage(null, embeddings, null, counter)).toMatchObject({
    ...{ usage: { inputTokens: 7n, outputTokens: 0n }, estimatedFigures: ["inputTokens"] },
  });
  expect(await completedUsage(null, asTokens, null, counter)).toMatchObject({
    usage: { inputTokens: 4n },
  });
});
