import { expect, test } from "vitest";
import { type DeclaredMembers, declaredWith } from "./declared.fixture.ts";
import { plainDialect } from "./dialect.ts";
import { presetNames } from "./presets.ts";

const providerWith = (provider: string) => declaredWith({ provider, price: cached }).providers()[0];
const dialectWith = (members: DeclaredMembers) =>
  declaredWith({ price: cached, ...members }).variantOf("m")?.dialect;
const cached = "cacheWrite: 2";
const address = 'baseUrl: "https://api.example.com/v1"';

test("a provider without a preset has the protocol of OpenAI and the plain dialect", () => {
  expect(providerWith(address)).toMatchObject({ protocol: "openai" });
  expect(dialectWith({ provider: address })).toEqual(plainDialect);
});

test.each(presetNames)("the preset %s needs neither an address nor a protocol", (preset) => {
  const provider = providerWith(`preset: ${preset}`);
  expect(provider?.baseUrl).toMatch(/^https:\/\/|^http:\/\/127\.0\.0\.1:/);
  expect(provider?.protocol).toBe(preset === "anthropic" ? "anthropic" : "openai");
});

test("the presets differ from the plain dialect in what their providers document", () => {
  const plain = new Map<string, unknown>(Object.entries(plainDialect));
  const lists = ["requestMembers", "answerMembers"];
  const differences = presetNames.map((preset) => {
    const dialect = Object.entries(dialectWith({ provider: `preset: ${preset}` })!);
    const others = dialect.filter(
      ([name, value]) => !lists.includes(name) && plain.get(name) !== value,
    );
    return [preset, Object.fromEntries(others)];
  });
  expect(Object.fromEntries(differences)).toEqual({
    openai: { outputLimitParameter: "max_completion_tokens", reasoningInHistory: false },
    anthropic: { promptCache: { minTokens: 1_024, duration: "5m" } },
    gemini: {
      ...{ outputLimitParameter: "max_tokens", embeddingEncoding: "float" },
      reasoningInHistory: false,
    },
    mistral: {
      ...{ outputLimitParameter: "max_tokens", streamOptions: false },
      ...{ embeddingEncoding: "float", reasoningInHistory: false },
    },
    vllm: { outputLimitParameter: "max_tokens" },
    ollama: { outputLimitParameter: "max_tokens" },
    openrouter: { outputLimitParameter: "max_tokens" },
  });
});

test("the presets omit members that choose another price or bill content outside the request", () => {
  const membersOf = (preset: string) =>
    dialectWith({ provider: `preset: ${preset}` })?.requestMembers;
  expect(membersOf("gemini")).toEqual([]);
  for (const name of ["provider", "models", "plugins"])
    expect(membersOf("openrouter")).not.toContain(name);
});

test("a member of a provider replaces that of its preset, and one of a model replaces both", () => {
  const preset = "preset: mistral";
  const provider = `${preset}, outputLimitParameter: max_completion_tokens, streamOptions: true, requestMembers: [a], ${address}`;
  expect(providerWith(provider)?.baseUrl).toBe("https://api.example.com/v1");
  expect(dialectWith({ provider })).toMatchObject({
    ...{ outputLimitParameter: "max_completion_tokens", streamOptions: true },
    ...{ embeddingEncoding: "float", requestMembers: ["a"] },
  });
  const model = "outputLimitParameter: max_tokens, requestMembers: [], reasoningInHistory: true";
  expect(dialectWith({ provider, model })).toMatchObject({
    ...{ outputLimitParameter: "max_tokens", streamOptions: true },
    ...{ requestMembers: [], reasoningInHistory: true },
  });
});

test("additional members of answers are those of the model, of its provider, or of the preset", () => {
  const provider = "preset: openrouter";
  expect(dialectWith({ provider })?.answerMembers).toEqual(["annotations"]);
  const ofProvider = `${provider}, answerMembers: [annotations, images]`;
  expect(dialectWith({ provider: ofProvider })?.answerMembers).toEqual(["annotations", "images"]);
  expect(dialectWith({ provider: ofProvider, model: "answerMembers: []" })).toMatchObject({
    answerMembers: [],
  });
});

test("each member of the prompt cache is that of the model, of its provider, or the preset one", () => {
  const provider =
    "protocol: anthropic, promptCache: { duration: 1h }, thinking: effort, " + address;
  const price = "cacheWrite: 1.25, cacheWriteHour: 2";
  expect(dialectWith({ provider, price })).toMatchObject({
    ...{ promptCache: { minTokens: 1_024, duration: "1h" }, thinking: "effort" },
  });
  const model = "promptCache: { minTokens: 4096 }, thinking: budget";
  expect(dialectWith({ provider, model, price })).toMatchObject({
    ...{ promptCache: { minTokens: 4_096, duration: "1h" }, thinking: "budget" },
  });
});

test("the prompt cache is off if the provider or the model says so, and a model can turn it on again", () => {
  const off = "preset: anthropic, promptCache: { enabled: false, minTokens: 2048 }";
  expect(dialectWith({ provider: off, price: "" })?.promptCache).toBeNull();
  const on = { provider: off, model: "promptCache: { enabled: true }" };
  expect(dialectWith(on)?.promptCache).toEqual({ minTokens: 2_048, duration: "5m" });
  const offForModel = { provider: "preset: anthropic", model: "promptCache: { enabled: false }" };
  expect(dialectWith(offForModel)?.promptCache).toBeNull();
});

test("the margin of a tokeniser is that of the model, of its provider, or the usual one of the protocol", () => {
  const marginWith = (members: DeclaredMembers) =>
    declaredWith({ price: cached, ...members }).variantOf("m")?.tokenMarginPercent;
  expect(marginWith({ provider: "preset: openai" })).toBe(15);
  expect(marginWith({ provider: "preset: anthropic" })).toBe(80);
  const provider = "preset: vllm, tokenMarginPercent: 150";
  expect(marginWith({ provider })).toBe(150);
  expect(marginWith({ provider, model: "tokenMarginPercent: 0" })).toBe(0);
});
