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

test("reasoning is counted, in the history as input and in an answer as output", async () => {
  const members = JSON.stringify({ reasoning_content: "six times seven ".repeat(20) });
  const [message] = request.messages;
  const [choice] = answer.choices;
  const reasoned = { ...answer, choices: [{ ...choice!, members }] };
  const history = { ...request, messages: [{ ...message!, members }] };
  const { usage: plain } = await completedUsage(null, request, answer, counter);
  const { usage } = await completedUsage(null, history, reasoned, counter);
  expect(usage.inputTokens! - plain.inputTokens!).toBeGreaterThanOrEqual(60n);
  expect(usage.outputTokens! - plain.outputTokens!).toBeGreaterThanOrEqual(60n);
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

test("the name, the tool calls and the id of the answered call are counted, and a refusal only as text", async () => {
  const [message] = request.messages;
  const inputOf = async (change: object) => {
    const changed = { ...request, messages: [{ ...message!, ...change }] };
    const { usage } = await completedUsage(null, changed, answer, counter);
    return usage.inputTokens!;
  };
  const plain = await inputOf({});
  const texts = { name: "ann_smith", toolCallId: "call_9f8e7d6c5b", toolCalls: '[{"id":"c1"}]' };
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
