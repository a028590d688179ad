import { expect, test } from "vitest";
import { errorsWith } from "./declared.fixture.ts";

const address = 'baseUrl: "https://api.example.com"';
const anthropic = { provider: "preset: anthropic", price: "cacheWrite: 1.25" };

test("a provider without an address and without a preset is reported with both remedies", () => {
  expect(errorsWith({ provider: "protocol: openai" })).toEqual([
    expect.stringMatching(
      /^6 providers\[0\]\.baseUrl: .*declare its baseUrl, or a preset \(openai,/,
    ),
  ]);
});

test("an unknown preset is one error, which lists the presets", () => {
  expect(errorsWith({ provider: "preset: azure" })).toEqual([
    expect.stringMatching(/^6 providers\[0\]\.preset: .*"openrouter"/),
  ]);
});

test("a protocol that is not that of the preset is reported", () => {
  expect(errorsWith({ ...anthropic, provider: "preset: vllm, protocol: anthropic" })).toEqual([
    expect.stringMatching(
      /^6 providers\[0\]\.protocol: the preset has the protocol openai: remove/,
    ),
  ]);
  expect(errorsWith({ provider: "preset: vllm, protocol: openai" })).toEqual([]);
});

test.each(["promptCache: { minTokens: 1 }", "thinking: effort"])(
  "%s is an error with OpenAI's protocol, at a provider and at a model",
  (member) => {
    const name = member.split(":")[0];
    expect(errorsWith({ provider: `${address}, ${member}`, model: member })).toEqual([
      `6 providers[0].${name}: ${name} has no effect with OpenAI's protocol: remove it`,
      `8 models[0].${name}: ${name} has no effect with OpenAI's protocol: remove it`,
    ]);
    expect(
      errorsWith({ provider: `${anthropic.provider}, ${member}`, price: "cacheWrite: 1" }),
    ).toEqual([]);
  },
);

test.each([
  "streamOptions: true",
  "embeddingEncoding: float",
  "outputLimitParameter: max_tokens",
  "answerMembers: [annotations]",
])("%s is an error with Anthropic's protocol", (member) => {
  const name = member.split(":")[0];
  expect(errorsWith({ ...anthropic, provider: `${anthropic.provider}, ${member}` })).toEqual([
    `6 providers[0].${name}: ${name} has no effect with Anthropic's protocol: remove it`,
  ]);
  expect(errorsWith({ provider: `preset: openai, ${member}` })).toEqual([]);
});

test("an embedding model at a provider with Anthropic's protocol is reported", () => {
  expect(errorsWith({ ...anthropic, model: "dimensions: 8" })).toEqual([
    expect.stringMatching(/^8 models\[0\]\.dimensions: Anthropic's API does not make embeddings/),
  ]);
});

test("a price without cacheWrite is reported if prompts are cached", () => {
  const message = /^8 models\[0\]\.prices\[0\]\.cacheWrite: .*declare cacheWrite, or promptCache/;
  expect(errorsWith({ ...anthropic, price: "" })).toEqual([expect.stringMatching(message)]);
  const off = "promptCache: { enabled: false }";
  expect(errorsWith({ provider: `preset: anthropic, ${off}` })).toEqual([]);
  expect(errorsWith({ provider: "preset: anthropic", model: off })).toEqual([]);
  expect(
    errorsWith({ provider: `preset: anthropic, ${off}`, model: "promptCache: { enabled: true }" }),
  ).toEqual([expect.stringMatching(message)]);
});

test("a price without cacheWriteHour is reported if prompts are cached for an hour", () => {
  const hour = "promptCache: { duration: 1h }";
  const message = /^8 models\[0\]\.prices\[0\]\.cacheWriteHour: .*declare cacheWriteHour, or/;
  const provider = `${anthropic.provider}, ${hour}`;
  expect(errorsWith({ ...anthropic, provider })).toEqual([expect.stringMatching(message)]);
  expect(errorsWith({ provider, price: "cacheWrite: 1.25, cacheWriteHour: 2" })).toEqual([]);
  expect(errorsWith({ ...anthropic, provider, model: "promptCache: { duration: 5m }" })).toEqual(
    [],
  );
  expect(errorsWith({ ...anthropic, model: hour })).toEqual([expect.stringMatching(message)]);
});

test("a name that OpenAI's API has, or that Sluice reads anyway, is reported as unnecessary", () => {
  const provider = "preset: openai, requestMembers: [top_k, temperature, model, input]";
  expect(errorsWith({ provider, model: "answerMembers: [content, annotations]" })).toEqual([
    `6 providers[0].requestMembers[1]: "temperature" is a member of OpenAI's API, and Sluice decides whether it passes: remove it`,
    `6 providers[0].requestMembers[2]: "model" is a member of OpenAI's API, and Sluice decides whether it passes: remove it`,
    `6 providers[0].requestMembers[3]: "input" is a member of OpenAI's API, and Sluice decides whether it passes: remove it`,
    `8 models[0].answerMembers[0]: "content" is a member that clients receive anyway: remove it`,
  ]);
});

test("a name that is another output limit is reported, because no reservation covers it", () => {
  expect(errorsWith({ model: "requestMembers: [max_new_tokens]" })).toEqual([
    expect.stringMatching(
      /^8 models\[0\]\.requestMembers\[0\]: .*reserves money.*max_completion_tokens/,
    ),
  ]);
});

test("a name that the adapter sets in Anthropic's requests is reported for that protocol only", () => {
  const model = "requestMembers: [thinking, top_k]";
  expect(errorsWith({ ...anthropic, model })).toEqual([
    `8 models[0].requestMembers[0]: "thinking" is a member that Sluice sets in Anthropic's requests: remove it`,
  ]);
  expect(errorsWith({ model })).toEqual([]);
});

test("lists of names are bounded in number and in length, and a name is a plain word", () => {
  const names = (count: number) => Array.from({ length: count }, (_, n) => `a${n}`).join(", ");
  expect(errorsWith({ model: `requestMembers: [${names(32)}]` })).toEqual([]);
  expect(errorsWith({ model: `requestMembers: [${names(33)}]` })).toHaveLength(1);
  expect(errorsWith({ model: `answerMembers: [${names(33)}]` })).toHaveLength(1);
  expect(errorsWith({ model: `requestMembers: [${"a".repeat(64)}]` })).toEqual([]);
  const wrong = `["${"a".repeat(65)}", "__proto__", "a.b", ""]`;
  expect(errorsWith({ model: `answerMembers: ${wrong}` })).toHaveLength(4);
  expect(errorsWith({ model: `requestMembers: ${wrong}` })).toHaveLength(4);
});
