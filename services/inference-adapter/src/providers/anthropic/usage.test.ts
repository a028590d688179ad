import { expect, test } from "vitest";
import { joinedMessageUsage, messageUsageOf } from "./usage.ts";

const nothing = {
  ...{ inputTokens: null, cachedInputTokens: null, cacheWriteTokens: null },
  ...{ cacheWriteHourTokens: null, outputTokens: null, reasoningTokens: null, otherTokens: {} },
};

test.each([
  [
    "nothing but input and output",
    { input_tokens: 7, output_tokens: 3 },
    { inputTokens: 7n, outputTokens: 3n },
  ],
  [
    "cache reads and writes next to the input",
    {
      ...{ input_tokens: 7, output_tokens: 3 },
      ...{ cache_read_input_tokens: 100, cache_creation_input_tokens: 40 },
    },
    { inputTokens: 7n, outputTokens: 3n, cachedInputTokens: 100n, cacheWriteTokens: 40n },
  ],
  [
    "writes of both durations",
    {
      ...{ input_tokens: 7, output_tokens: 3, cache_creation_input_tokens: 40 },
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 30 },
    },
    { inputTokens: 7n, outputTokens: 3n, cacheWriteTokens: 10n, cacheWriteHourTokens: 30n },
  ],
  [
    "writes by their durations only",
    {
      ...{ input_tokens: 7, output_tokens: 3 },
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 30 },
    },
    { inputTokens: 7n, outputTokens: 3n, cacheWriteTokens: 10n, cacheWriteHourTokens: 30n },
  ],
  [
    "more writes for an hour than writes, of which none is billed twice",
    {
      ...{ input_tokens: 7, output_tokens: 3, cache_creation_input_tokens: 20 },
      cache_creation: { ephemeral_1h_input_tokens: 30 },
    },
    { inputTokens: 7n, outputTokens: 3n, cacheWriteTokens: 0n, cacheWriteHourTokens: 20n },
  ],
  [
    "thinking within the output",
    { input_tokens: 7, output_tokens: 30, output_tokens_details: { thinking_tokens: 20 } },
    { inputTokens: 7n, outputTokens: 10n, reasoningTokens: 20n },
  ],
  [
    "more thinking than output",
    { input_tokens: 7, output_tokens: 30, output_tokens_details: { thinking_tokens: 31 } },
    { inputTokens: 7n, outputTokens: 0n, reasoningTokens: 30n },
  ],
  [
    "nulls and values of other types",
    { input_tokens: 7, output_tokens: "3", cache_read_input_tokens: null, cache_creation: null },
    { inputTokens: 7n },
  ],
])("a usage of %s has each token in one class", (_, wire, expected) => {
  expect(messageUsageOf(wire)).toEqual({
    usage: { ...nothing, ...expected },
    raw: JSON.stringify(wire),
  });
});

test("a usage without input and output is none", () => {
  expect(messageUsageOf(null)).toBeNull();
  expect(messageUsageOf({})).toBeNull();
  expect(messageUsageOf({ input_tokens: -1, output_tokens: 0.5 })).toBeNull();
});

test("writes without their durations are those of the duration that was asked for", () => {
  const wire = { input_tokens: 7, output_tokens: 3, cache_creation_input_tokens: 40 };
  expect(messageUsageOf(wire, "1h")?.usage).toMatchObject({
    ...{ cacheWriteTokens: 0n, cacheWriteHourTokens: 40n },
  });
  const broken = { ...wire, cache_creation: { ephemeral_5m_input_tokens: 40 } };
  expect(messageUsageOf(broken, "1h")?.usage).toMatchObject({
    ...{ cacheWriteTokens: 40n, cacheWriteHourTokens: null },
  });
});

test("a zero at the end of a stream does not replace what was counted before", () => {
  const begun = { input_tokens: 7, cache_creation_input_tokens: 5, cache_read_input_tokens: 0 };
  const zeros = { input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 0 };
  expect(joinedMessageUsage(begun, zeros)).toEqual({ ...begun, output_tokens: 0 });
});

test("the usage of a stream is joined from its first and its last event", () => {
  const begun = { input_tokens: 7, cache_creation: { ephemeral_1h_input_tokens: 5 } };
  const ended = { input_tokens: null, output_tokens: 9, cache_read_input_tokens: 3 };
  expect(joinedMessageUsage(joinedMessageUsage(null, begun), ended)).toEqual({
    ...begun,
    ...{ output_tokens: 9, cache_read_input_tokens: 3 },
  });
  expect(joinedMessageUsage(begun, null)).toBe(begun);
});
