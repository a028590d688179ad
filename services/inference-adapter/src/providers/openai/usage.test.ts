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
