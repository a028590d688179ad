import { aMessage, aRequest } from "@sluice/testing/fixtures";
import { BytePairTokenCounter } from "@sluice/tokens";
import fc from "fast-check";
import { expect, test } from "vitest";
import { estimateInput } from "./input-estimate.ts";

const counter = await BytePairTokenCounter.load();
const counters = [counter, await BytePairTokenCounter.load("cl100k")] as const;
const estimateOf = async (changed: Parameters<typeof aRequest>[0]) => {
  const { inputTokensWith, ...estimate } = await estimateInput(aRequest(changed), counters);
  return { inputTokens: inputTokensWith(15n), inputTokensWith, ...estimate };
};
const embeddingsOf = (inputs: readonly string[], tokenInputs: readonly number[][] = []) =>
  estimateOf({ operation: "embeddings", messages: [], inputs, tokenInputs });
const words = (count: number): string => "river ".repeat(count).trim();
const tokensIn = async (...texts: string[]): Promise<bigint> =>
  (await counter.count(texts)).counted;

test("a conversation must fit the context window as a whole", async () => {
  const { inputTokens, contextTokens } = await estimateOf({});
  expect(inputTokens).toBeGreaterThan(7n);
  expect(contextTokens).toBeGreaterThan(7n);
});

test("inputs are bounded together, and only the longest must fit the context window, without a margin", async () => {
  const { inputTokens, contextTokens } = await embeddingsOf([words(100), words(300), words(200)]);
  expect(contextTokens).toBe(300n);
  expect(inputTokens).toBeGreaterThanOrEqual(690n);
  expect(inputTokens).toBeLessThan(720n);
});

test("inputs that are sent as tokens are counted exactly", async () => {
  const { inputTokens, contextTokens } = await embeddingsOf([], [[1, 2, 3], [4]]);
  expect([inputTokens, contextTokens]).toEqual([4n, 3n]);
});

test("a text that begins cheaply and ends densely is bounded by all of it", async () => {
  const english = words(11_000);
  const chinese = "齉龘靐爩麤".repeat(30_000);
  const content = english + chinese;
  const { inputTokens } = await estimateOf({ messages: [aMessage({ content })] });
  expect(inputTokens).toBeGreaterThanOrEqual(await tokensIn(content));
});

test("what is too long to be counted is bounded by its bytes", async () => {
  const content = "齉".repeat(700_000);
  const { inputTokens, contextTokens } = await estimateOf({ messages: [aMessage({ content })] });
  expect(inputTokens).toBeGreaterThanOrEqual((await tokensIn("齉".repeat(100))) * 7_000n);
  expect(inputTokens).toBeLessThanOrEqual(2_100_000n + 120n);
  expect(contextTokens).toBeLessThan(2_600_000n);
});

test("names of control tokens are text", async () => {
  const { inputTokens } = await estimateOf({
    messages: [aMessage({ content: "What does <|endoftext|> mean?" })],
  });
  expect(inputTokens).toBeGreaterThan(10n);
});

test("the bound holds for everything of a message that is sent", async () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 200 }),
    fc.constantFrom(
      "<|im_start|>",
      " ".repeat(99),
      "กขคงจฉชซญ".repeat(20),
      "e3b0c44298fc1c14".repeat(9),
    ),
  );
  const message = fc.record({ content: text, name: text, toolCallId: text });
  const property = fc.asyncProperty(fc.array(message, { maxLength: 9 }), async (drawn) => {
    const messages = drawn.map((each) => aMessage(each));
    const { inputTokens } = await estimateOf({ messages });
    const sent = drawn.flatMap((each) => Object.values(each));
    expect(inputTokens).toBeGreaterThanOrEqual(await tokensIn(...sent));
  });
  await fc.assert(property, { numRuns: 100 });
});

test("reasoning that is sent back is counted", async () => {
  const members = JSON.stringify({ reasoning_content: words(400) });
  const without = await estimateOf({ messages: [aMessage({ content: "short" })] });
  const reasoned = await estimateOf({ messages: [aMessage({ content: "short", members })] });
  expect(reasoned.inputTokens - without.inputTokens).toBeGreaterThanOrEqual(400n);
  expect(reasoned.contextTokens - without.contextTokens).toBeGreaterThanOrEqual(400n);
});

test("signatures and encrypted reasoning are in the bound, and do not have to fit the context window", async () => {
  const bytes = Buffer.from(Array.from({ length: 30_000 }, (_, at) => (at * at) % 251));
  const opaque = bytes.toString("base64");
  const estimateWith = (details: readonly unknown[]) => {
    const members = JSON.stringify({ reasoning_details: details });
    return estimateOf({ messages: [aMessage({ content: "short", members })] });
  };
  const thought = { type: "reasoning.text", text: words(400), signature: "" };
  const encrypted = { type: "reasoning.encrypted", data: "" };
  const short = await estimateWith([thought, encrypted, "odd", null]);
  const long = await estimateWith([
    { ...thought, signature: opaque },
    { ...encrypted, data: opaque },
    ...["odd", null],
  ]);
  expect(short.contextTokens).toBeGreaterThanOrEqual(400n);
  expect(long.contextTokens).toBeGreaterThanOrEqual(400n);
  expect(long.contextTokens - short.contextTokens).toBeLessThan(20n);
  const sent = await tokensIn(opaque, opaque);
  expect(long.inputTokens).toBeGreaterThanOrEqual(short.inputTokens + sent);
});

test("the text of a thought must fit the context window, also under the name of a signature elsewhere", async () => {
  const without = await estimateOf({ messages: [aMessage({ content: "short" })] });
  for (const details of [[{ type: "reasoning.text", text: words(400) }], { data: words(400) }]) {
    const members = JSON.stringify({ reasoning_details: details, signature: words(400) });
    const { contextTokens } = await estimateOf({
      messages: [aMessage({ content: "short", members })],
    });
    expect(contextTokens - without.contextTokens).toBeGreaterThanOrEqual(800n);
  }
});

test("members that OpenAI's API does not have are counted, with what templates add to structured ones", async () => {
  const boundWith = async (parameters: object) =>
    (await estimateOf({ parameters: JSON.stringify(parameters) })).inputTokens;
  const plain = await boundWith({});
  expect(await boundWith({ top_k: 5 })).toBeLessThan(plain + 20n);
  const documents = [{ title: "a", text: words(400) }];
  expect(await boundWith({ documents })).toBeGreaterThanOrEqual(plain + 400n + 600n);
  const kwargs = { chat_template_kwargs: { instructions: words(400) } };
  expect(await boundWith(kwargs)).toBeGreaterThanOrEqual(plain + 400n + 600n);
});

test("a purpose is counted for each input of a request for embeddings", async () => {
  const request = { operation: "embeddings" as const, messages: [], inputs: ["a", "b", "c"] };
  const plain = await estimateOf(request);
  const parameters = '{"input_type":"query"}';
  const { inputTokens, contextTokens } = await estimateOf({ ...request, parameters });
  expect(inputTokens).toBeGreaterThanOrEqual(plain.inputTokens + 3n * 40n);
  expect(contextTokens).toBe(plain.contextTokens);
  const withNull = await estimateOf({ ...request, parameters: '{"input_type":null}' });
  expect(withNull.inputTokens).toBeLessThan(plain.inputTokens + 3n * 40n);
});

test("parts are counted instead of the content, pictures by their number", async () => {
  const url = `data:image/png;base64,${"A".repeat(4_000)}`;
  const parts = JSON.stringify([
    { type: "text", text: words(500) },
    { type: "image_url", image_url: { url } },
    { type: "image_url", image_url: { url } },
    { type: "refusal", refusal: words(300) },
  ]);
  const { inputTokens, contextTokens, pictures } = await estimateOf({
    messages: [aMessage({ content: "short", parts })],
  });
  expect(pictures).toBe(2n);
  expect(contextTokens).toBeGreaterThanOrEqual(800n);
  expect(inputTokens).toBeGreaterThanOrEqual(800n);
  expect(inputTokens).toBeLessThan(1_100n);
});

test("the bound grows with the margin of the tokeniser, up to the bytes that are sent", async () => {
  const content = words(1_000);
  const { inputTokensWith } = await estimateOf({ messages: [aMessage({ content })] });
  const frame = inputTokensWith(0n) - 1_000n;
  expect(inputTokensWith(80n)).toBe(1_800n + frame);
  expect(inputTokensWith(1_000n)).toBeLessThanOrEqual(BigInt(content.length) + frame);
});
