import { totalTokensOf } from "@sluice/domain";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { reportedUsageOf } from "./usage.ts";

test("nested classes of OpenAI's usage are separated, and its own object is kept", () => {
  const wire = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 60, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 20 },
  };
  expect(reportedUsageOf(wire)).toEqual({
    usage: {
      inputTokens: 40n,
      cachedInputTokens: 60n,
      cacheWriteTokens: null,
      outputTokens: 30n,
      reasoningTokens: 20n,
      otherTokens: {},
    },
    raw: JSON.stringify(wire),
  });
});

test("reasoning that is counted in addition to the completion is not subtracted from it", () => {
  const usage = reportedUsageOf({
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 35,
    completion_tokens_details: { reasoning_tokens: 20 },
  })?.usage;
  expect(usage).toMatchObject({ outputTokens: 5n, reasoningTokens: 20n });
});

test("tokens that were written to a cache are a class of their own", () => {
  const usage = reportedUsageOf({
    ...{ prompt_tokens: 3_541, completion_tokens: 5, total_tokens: 3_546 },
    prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 3_500 },
  })?.usage;
  expect(usage).toMatchObject({ inputTokens: 41n, cacheWriteTokens: 3_500n, outputTokens: 5n });
});

test("tokens that only the total has are output, because they are reasoning", () => {
  const wire = { prompt_tokens: 20, completion_tokens: 198, total_tokens: 623 };
  expect(reportedUsageOf(wire)?.usage).toMatchObject({ inputTokens: 20n, outputTokens: 603n });
  const withReasoning = { ...wire, completion_tokens_details: { reasoning_tokens: 405 } };
  expect(reportedUsageOf(withReasoning)?.usage).toMatchObject({
    ...{ outputTokens: 198n, reasoningTokens: 405n },
  });
});

test("a missing side is the rest of the total", () => {
  expect(reportedUsageOf({ prompt_tokens: 20, total_tokens: 50 })?.usage).toMatchObject({
    ...{ inputTokens: 20n, outputTokens: 30n },
  });
  expect(reportedUsageOf({ completion_tokens: 20, total_tokens: 50 })?.usage).toMatchObject({
    ...{ inputTokens: 30n, outputTokens: 20n },
  });
});

test("parts that are larger than their whole were counted in addition to it", () => {
  const wire = {
    ...{ prompt_tokens: 12, completion_tokens: 5 },
    ...{ cache_read_input_tokens: 2_000, cache_creation_input_tokens: 300 },
  };
  expect(reportedUsageOf(wire)?.usage).toMatchObject({
    ...{ inputTokens: 12n, cachedInputTokens: 2_000n, cacheWriteTokens: 300n, outputTokens: 5n },
  });
});

test("the names of other interfaces are read, and counts as text", () => {
  const wire = {
    ...{ input_tokens: "30", output_tokens: 12, total_tokens: 42 },
    input_tokens_details: { cached_tokens: 10 },
    output_tokens_details: { reasoning_tokens: 4 },
  };
  expect(reportedUsageOf(wire)?.usage).toMatchObject({
    ...{ inputTokens: 20n, cachedInputTokens: 10n, outputTokens: 8n, reasoningTokens: 4n },
  });
});

test.each(["many", "-1", "1e9", "0x10", -1, 1.5, Number.MAX_VALUE, null, {}, "9".repeat(16)])(
  "a count of %j is none",
  (count) => {
    expect(reportedUsageOf({ prompt_tokens: count, completion_tokens: count })).toBeNull();
  },
);

test("audio tokens are a class of their own", () => {
  const usage = reportedUsageOf({
    prompt_tokens: 10,
    completion_tokens: 5,
    prompt_tokens_details: { audio_tokens: 4 },
  })?.usage;
  expect(usage).toMatchObject({ inputTokens: 6n, otherTokens: { audioInputTokens: 4n } });
});

test("a class that is not reported is null, and a reported zero stays zero", () => {
  expect(reportedUsageOf(null)).toBeNull();
  expect(reportedUsageOf({})).toBeNull();
  expect(reportedUsageOf({ prompt_tokens: 0 })?.usage).toMatchObject({
    inputTokens: 0n,
    outputTokens: null,
    cachedInputTokens: null,
  });
});

test("no class is below zero, and nested classes add up to what was reported", () => {
  const count = fc.nat(1_000);
  fc.assert(
    fc.property(count, count, count, count, (prompt, cached, completion, reasoning) => {
      const usage = reportedUsageOf({
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        prompt_tokens_details: { cached_tokens: cached },
        completion_tokens_details: { reasoning_tokens: reasoning },
      })!.usage;
      expect(usage.inputTokens).toBeGreaterThanOrEqual(0n);
      expect(usage.outputTokens).toBeGreaterThanOrEqual(0n);
      // A part that is larger than its whole counts as reported, and the rest is zero.
      const sum = Math.max(prompt, cached) + Math.max(completion, reasoning);
      expect(totalTokensOf(usage)).toBe(BigInt(sum));
    }),
  );
});

test("a usage object that is too large to be stored is read and not kept", () => {
  const reported = reportedUsageOf({ prompt_tokens: 5, note: "x".repeat(20_000) });
  expect(reported).toMatchObject({ usage: { inputTokens: 5n }, raw: null });
});
