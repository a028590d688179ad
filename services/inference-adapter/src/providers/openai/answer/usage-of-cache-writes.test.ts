import { expect, test } from "vitest";
import { mergedWireUsage, reportedUsageOf } from "./usage.ts";

const usageOf = (wire: object) => reportedUsageOf(wire)!.usage;
const times = (minutes: number, hour: number) => ({
  ...{ ephemeral_5m_input_tokens: minutes, ephemeral_1h_input_tokens: hour },
});

test.each([
  ["Anthropic's", { cache_creation_input_tokens: 3_500, cache_creation: times(500, 3_000) }],
  [
    "LiteLLM's",
    {
      ...{ cache_creation_input_tokens: 3_500, cache_read_input_tokens: 0 },
      prompt_tokens_details: {
        ...{ cached_tokens: 0, cache_creation_tokens: 3_500, cache_write_tokens: 3_500 },
        cache_creation_token_details: times(500, 3_000),
      },
    },
  ],
  ["no sum in", { prompt_tokens_details: { cache_creation_token_details: times(500, 3_000) } }],
])("written tokens are split by the time for which they are cached: %s usage", (_, written) => {
  const wire = { prompt_tokens: 3_541, completion_tokens: 5, total_tokens: 3_546, ...written };
  expect(usageOf(wire)).toMatchObject({
    ...{ inputTokens: 41n, cacheWriteTokens: 500n, cacheWriteHourTokens: 3_000n },
  });
});

test("written tokens of an unknown time are not for an hour, and a reported zero stays zero", () => {
  const whole = { input_tokens: 41, output_tokens: 5, cache_creation_input_tokens: 3_500 };
  expect(usageOf({ ...whole, cache_creation: null })).toMatchObject({
    ...{ cacheWriteTokens: 3_500n, cacheWriteHourTokens: null },
  });
  expect(usageOf({ ...whole, cache_creation: { ephemeral_1h_input_tokens: 3_000 } })).toMatchObject(
    { inputTokens: 41n, cacheWriteTokens: 500n, cacheWriteHourTokens: 3_000n },
  );
  expect(usageOf({ ...whole, cache_creation: times(3_500, 0) })).toMatchObject({
    ...{ cacheWriteTokens: 3_500n, cacheWriteHourTokens: 0n },
  });
  // More was cached for an hour than was written.
  const more = { ...whole, cache_creation_input_tokens: 10, cache_creation: times(0, 3_000) };
  expect(usageOf(more)).toMatchObject({
    ...{ inputTokens: 41n, cacheWriteTokens: 0n, cacheWriteHourTokens: 3_000n },
  });
});

test("of two chunks of one stream, a later zero does not replace a time", () => {
  const timesIn = (hour: number) => ({
    prompt_tokens_details: { cache_creation_token_details: times(0, hour) },
  });
  expect(mergedWireUsage(timesIn(41), timesIn(0))).toEqual(timesIn(41));
  expect(mergedWireUsage(timesIn(41), timesIn(42))).toEqual(timesIn(42));
});
