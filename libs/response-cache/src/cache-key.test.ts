import type { InferenceRequested } from "@sluice/contracts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cacheKeyOf } from "./cache-key.ts";
import { requestFixture } from "./records.fixture.ts";

const keyWith = (parameters: string): string => cacheKeyOf(requestFixture({ parameters }));
const plain = cacheKeyOf(requestFixture());

test("ids, labels, cache directive and requirements do not change the key", () => {
  const same: Partial<InferenceRequested>[] = [
    { requestId: "r2" },
    { tags: {} },
    { sessionId: "s", runId: "r", stepId: "s" },
    { cache: { mode: "use", ttlSeconds: 1 } },
    { requirements: { ...requestFixture().requirements, requiredAccuracy: 0.9, lane: "realtime" } },
  ];
  expect(same.map((changes) => cacheKeyOf(requestFixture(changes)))).toEqual(same.map(() => plain));
});

test.each([
  "stream",
  "stream_options",
  "user",
  "safety_identifier",
  "metadata",
  "store",
  "service_tier",
  "prompt_cache_key",
  "prompt_cache_retention",
])("parameter %s changes neither the answer nor the key", (name) => {
  expect(keyWith(JSON.stringify({ [name]: "x" }))).toBe(plain);
});

test("every other parameter changes the key, including unknown ones", () => {
  const names = fc
    .string({ minLength: 1 })
    .filter((name) => !/^(stream|user|safety|metadata|store|service|prompt_cache)/.test(name));
  const value = fc.oneof(fc.boolean(), fc.integer(), fc.string(), fc.array(fc.string()));
  fc.assert(
    fc.property(names, value, (name, set) => {
      // Written as JSON text, because JSON.stringify would omit a member named "__proto__".
      const parameters = `{${JSON.stringify(name)}:${JSON.stringify(set)}}`;
      expect(keyWith(parameters)).not.toBe(plain);
    }),
  );
});

test("members that OpenAI's API does not have separate requests that differ in them alone", () => {
  const pairs = [
    ['{"top_k":5}', '{"top_k":6}'],
    ['{"chat_template_kwargs":{"thinking":true}}', '{"chat_template_kwargs":{"thinking":false}}'],
    ['{"min_p":1}', '{"min_p":"1"}'],
    ['{"documents":[1]}', '{"documents":"[1]"}'],
    ['{"documents":{"text":"[1]"}}', '{"documents":"{\\"text\\":\\"[1]\\"}"}'],
    ['{"documents":{"text":"[1]"}}', '{"documents":"[1]"}'],
  ];
  for (const [one = "", other = ""] of pairs) {
    expect(keyWith(one)).not.toBe(keyWith(other));
    expect(keyWith(one)).not.toBe(plain);
    expect(keyWith(one)).toBe(keyWith(JSON.stringify(JSON.parse(one), null, 2)));
  }
  expect(embeddingsOf({ parameters: '{"input_type":"query"}' })).not.toBe(
    embeddingsOf({ parameters: '{"input_type":"passage"}' }),
  );
});

test("null means absent, as in OpenAI's API", () => {
  expect(keyWith('{"temperature":null,"seed":null}')).toBe(plain);
});

const reversedOf = (members: object) => Object.fromEntries(Object.entries(members).toReversed());

test("the order and spelling of JSON do not change the key", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue(), { maxKeys: 6 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.integer(), { maxKeys: 6 }),
      (others, bias) => {
        const parameters = { ...others, logit_bias: bias };
        const turned = { ...others, logit_bias: reversedOf(bias) };
        const reversed = reversedOf(turned);
        const key = keyWith(JSON.stringify(reversed, null, 2));
        expect(key).toBe(keyWith(JSON.stringify(parameters)));
      },
    ),
  );
  expect(keyWith('{"top_p":0.10,"seed":1}')).toBe(keyWith('{"seed":1.0,"top_p":1e-1}'));
});

test.each(["response_format", "tools", "structured_outputs", "chat_template_kwargs"])(
  "the order of properties inside %s is part of it",
  (name) => {
    const keyOfOrder = (...names: readonly string[]) =>
      keyWith(
        JSON.stringify({ [name]: { properties: Object.fromEntries(names.map((n) => [n, {}])) } }),
      );
    expect(keyOfOrder("reason", "verdict")).not.toBe(keyOfOrder("verdict", "reason"));
    expect(keyWith(`{"${name}": {"properties": {"a": {}}}}`)).toBe(keyOfOrder("a"));
  },
);

test("any difference in one turn of a conversation changes the key", () => {
  const message = fc.record({
    role: fc.constantFrom("system", "user", "assistant", "tool"),
    content: fc.string(),
    parts: fc.option(fc.jsonValue().map((value) => JSON.stringify([value]))),
    toolCalls: fc.option(fc.constantFrom('[{"id":"c"}]', '[{"id":"d"}]')),
    toolCallId: fc.option(fc.string()),
    name: fc.option(fc.string()),
    members: fc.option(fc.constantFrom('{"reasoning":"a"}', '{"reasoning":"b"}')),
  });
  const conversation = fc.array(message, { minLength: 1, maxLength: 3 });
  const field = fc.constantFrom(
    ...(["role", "content", "parts", "toolCalls", "toolCallId", "name", "members"] as const),
  );
  fc.assert(
    fc.property(conversation, message, field, (messages, other, name) => {
      const changed = { ...messages[0]!, [name]: other[name] };
      const key = cacheKeyOf(requestFixture({ messages }));
      const changedKey = cacheKeyOf(requestFixture({ messages: [changed, ...messages.slice(1)] }));
      expect(changedKey === key).toBe(changed[name] === messages[0]![name]);
    }),
    { numRuns: 300 },
  );
});

test("the boundaries between turns are part of the key", () => {
  const [turn] = requestFixture().messages;
  const split = [
    { ...turn!, content: "What is " },
    { ...turn!, content: "a weir?" },
  ];
  expect(cacheKeyOf(requestFixture({ messages: split }))).not.toBe(plain);
});

test("the requested model is part of the key, and auto and a tier have different keys", () => {
  const keys = ["auto", "economy", "small"].map((model) => cacheKeyOf(requestFixture({ model })));
  expect(new Set(keys).size).toBe(3);
});

const embeddingsOf = (changes: Partial<InferenceRequested>): string =>
  cacheKeyOf(
    requestFixture({
      model: "embeddings",
      operation: "embeddings",
      messages: [],
      inputs: ["a", "b"],
      ...changes,
    }),
  );

test("the key of embeddings consists of model, inputs in their order, and dimensions", () => {
  const keys = [
    embeddingsOf({}),
    embeddingsOf({ model: "other" }),
    embeddingsOf({ inputs: ["b", "a"] }),
    embeddingsOf({ inputs: ["ab"] }),
    embeddingsOf({ inputs: [], tokenInputs: [[1], [2]] }),
    embeddingsOf({ inputs: [], tokenInputs: [[1, 2]] }),
    embeddingsOf({ parameters: '{"dimensions":8}' }),
    cacheKeyOf(requestFixture({ model: "embeddings", messages: [] })),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(embeddingsOf({ parameters: '{"user":"u"}', requestId: "r9" })).toBe(embeddingsOf({}));
});
