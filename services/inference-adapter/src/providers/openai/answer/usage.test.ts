import { totalTokensOf } from "@sluice/domain";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergedWireUsage, reportedUsageOf } from "./usage.ts";

const usageOf = (wire: object) => reportedUsageOf(wire)!.usage;

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
      cacheWriteHourTokens: null,
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

test("caches with Anthropic's names are in addition to its input, and OpenAI's details are within it", () => {
  const named = { input_tokens: 5_000, output_tokens: 5 };
  expect(usageOf({ ...named, cache_read_input_tokens: 1_000 })).toMatchObject({
    ...{ inputTokens: 5_000n, cachedInputTokens: 1_000n, outputTokens: 5n },
  });
  expect(usageOf({ ...named, cache_creation_input_tokens: 3_500 })).toMatchObject({
    ...{ inputTokens: 5_000n, cacheWriteTokens: 3_500n, outputTokens: 5n },
  });
  const nested = { inputTokens: 4_000n, cachedInputTokens: 1_000n, outputTokens: 5n };
  const details = { input_tokens_details: { cached_tokens: 1_000 } };
  expect(usageOf({ ...named, ...details })).toMatchObject(nested);
  // Some servers repeat a count under the other name.
  expect(usageOf({ ...named, ...details, cache_read_input_tokens: 1_000 })).toMatchObject(nested);
  const both = { ...named, input_tokens: 4_000, prompt_tokens: 5_000 };
  expect(usageOf({ ...both, cache_read_input_tokens: 1_000 })).toMatchObject(nested);
  // The total of this server contains the cached tokens once.
  const total = { ...named, cache_read_input_tokens: 1_000, total_tokens: 5_005 };
  expect(usageOf(total)).toMatchObject(nested);
  expect(usageOf({ ...total, total_tokens: 6_005 })).toMatchObject({ inputTokens: 5_000n });
  const noOutput = { input_tokens: 5_000, cache_read_input_tokens: 1_000, total_tokens: 6_007 };
  expect(usageOf(noOutput)).toMatchObject({ inputTokens: 5_000n, outputTokens: 7n });
});

test.each([
  ["written", { cache_creation_input_tokens: 3_500 }, 8_505, { cacheWriteTokens: 3_500n }],
  ["cached", { cache_read_input_tokens: 1_000 }, 6_005, { cachedInputTokens: 1_000n }],
  ["cached", { prompt_tokens_details: { cached_tokens: 1_000 } }, 6_005, {}],
  [
    "cached and written",
    { cache_read_input_tokens: 1_000, cache_creation_input_tokens: 3_500 },
    9_505,
    { cachedInputTokens: 1_000n, cacheWriteTokens: 3_500n },
  ],
])("%s tokens that the total contains again are in addition: %j", (_, parts, total, classes) => {
  const wire = { prompt_tokens: 5_000, completion_tokens: 5, total_tokens: total, ...parts };
  expect(usageOf(wire)).toMatchObject({ inputTokens: 5_000n, outputTokens: 5n, ...classes });
});

test("cached tokens within the prompt and reasoning in addition to the completion are distinguished by the total", () => {
  const wire = {
    ...{ prompt_tokens: 10_120, completion_tokens: 1_499, total_tokens: 14_428 },
    prompt_tokens_details: { cached_tokens: 128 },
    completion_tokens_details: { reasoning_tokens: 2_809 },
  };
  expect(usageOf(wire)).toMatchObject({
    ...{ inputTokens: 9_992n, cachedInputTokens: 128n, outputTokens: 1_499n },
    reasoningTokens: 2_809n,
  });
});

test("reasoning that is larger than the completion is billed in addition to it", () => {
  const wire = {
    ...{ prompt_tokens: 33, completion_tokens: 7_163, total_tokens: 7_196 },
    reasoning_tokens: 73_997,
  };
  expect(usageOf(wire)).toMatchObject({ outputTokens: 7_163n, reasoningTokens: 73_997n });
});

test("Perplexity bills reasoning in addition, and citations as input if it states their cost", () => {
  const wire = {
    ...{ prompt_tokens: 33, completion_tokens: 7_163, total_tokens: 7_196 },
    ...{ citation_tokens: 20_016, num_search_queries: 18, reasoning_tokens: 973 },
  };
  const cost = { input_tokens_cost: 0.000_066, citation_tokens_cost: 0.040_032 };
  expect(usageOf({ ...wire, cost })).toMatchObject({
    ...{ inputTokens: 20_049n, outputTokens: 7_163n, reasoningTokens: 973n },
  });
  expect(usageOf(wire)).toMatchObject({ inputTokens: 33n, outputTokens: 7_163n });
  // OpenAI's details are within the completion, also if Perplexity sends them.
  const { reasoning_tokens: reasoning, ...others } = wire;
  const nested = { ...others, completion_tokens_details: { reasoning_tokens: reasoning } };
  expect(usageOf(nested)).toMatchObject({ outputTokens: 6_190n, reasoningTokens: 973n });
});

test.each([
  { prompt_tokens_details: { cached_tokens: 90 } },
  { prompt_token_details: { cached_tokens: 90 } },
  { input_tokens_details: { cached_tokens: 90 }, prompt_tokens_details: null },
  { cached_tokens: 90 },
  { num_cached_tokens: 90, prompt_tokens_details: { cached_tokens: 0 } },
  { prompt_cache_hit_tokens: 90, prompt_tokens_details: { cached_tokens: 0 } },
  { prompt_tokens_details: { cached_tokens: 90 }, prompt_cache_hit_tokens: 0 },
  { cache_read_input_tokens: 90, cached_tokens: 0 },
])("cached tokens are read under each provider's name: %j", (cached) => {
  expect(usageOf({ prompt_tokens: 100, completion_tokens: 5, ...cached })).toMatchObject({
    ...{ inputTokens: 10n, cachedInputTokens: 90n },
  });
});

test.each([
  { prompt_tokens_details: { cache_write_tokens: 90 } },
  { prompt_tokens_details: { cache_creation_tokens: 90 } },
  { prompt_tokens_details: { cache_creation_input_tokens: 90 } },
  { cache_creation_input_tokens: 90, prompt_tokens_details: { cache_write_tokens: 0 } },
])("written tokens are read under each provider's name: %j", (written) => {
  expect(usageOf({ prompt_tokens: 100, completion_tokens: 5, ...written })).toMatchObject({
    ...{ inputTokens: 10n, cacheWriteTokens: 90n },
  });
});

test.each([
  { reasoning_tokens: 4 },
  { completion_tokens_details: { reasoning_tokens: 4 } },
  { reasoning_tokens: 4, completion_tokens_details: { reasoning_tokens: 0 } },
  { output_tokens_details: { thinking_tokens: 4 } },
])("reasoning is read under each provider's name: %j", (reasoning) => {
  expect(usageOf({ prompt_tokens: 1, completion_tokens: 5, ...reasoning })).toMatchObject({
    ...{ outputTokens: 1n, reasoningTokens: 4n },
  });
});

test("a whole that is zero under one name is read under the other", () => {
  const wire = { prompt_tokens: 7, input_tokens: 0, completion_tokens: 0, output_tokens: 9 };
  expect(usageOf(wire)).toMatchObject({ inputTokens: 7n, outputTokens: 9n });
});

const count = fc.nat(1_000);
const details = fc.record({ cached: count, written: count, hour: count, reasoning: count });
const wireOf = (
  whole: { readonly prompt: number; readonly completion: number; readonly total?: number },
  parts: Readonly<Record<"cached" | "written" | "hour" | "reasoning", number>>,
) => ({
  ...{ prompt_tokens: whole.prompt, completion_tokens: whole.completion },
  ...(whole.total !== undefined && { total_tokens: whole.total }),
  prompt_tokens_details: {
    ...{ cached_tokens: parts.cached, cache_write_tokens: parts.written + parts.hour },
    cache_creation_token_details: {
      ...{ ephemeral_5m_input_tokens: parts.written, ephemeral_1h_input_tokens: parts.hour },
    },
  },
  completion_tokens_details: { reasoning_tokens: parts.reasoning },
});

test("no class is below zero, and nested classes add up to what was reported", () => {
  fc.assert(
    fc.property(count, count, details, fc.boolean(), (prompt, completion, parts, hasTotal) => {
      const total = hasTotal ? prompt + completion : undefined;
      const usage = usageOf(wireOf({ prompt, completion, ...(total && { total }) }, parts));
      expect(usage.inputTokens).toBeGreaterThanOrEqual(0n);
      expect(usage.outputTokens).toBeGreaterThanOrEqual(0n);
      // Parts that are larger than their whole cannot be within it, whatever the total says.
      const inputs = parts.cached + parts.written + parts.hour;
      const sum =
        (inputs > prompt ? prompt + inputs : prompt) +
        (parts.reasoning > completion ? completion + parts.reasoning : completion);
      expect(totalTokensOf(usage)).toBe(BigInt(sum));
    }),
  );
});

test("whichever parts a provider counts in addition, the classes add up to its total", () => {
  const additions = fc.record({
    ...{ cached: fc.boolean(), written: fc.boolean(), reasoning: fc.boolean() },
  });
  fc.assert(
    fc.property(count, count, details, additions, count, (input, output, parts, adds, more) => {
      const within = (name: keyof typeof adds) => (adds[name] ? 0 : parts[name]);
      const prompt = input + within("cached") + (adds.written ? 0 : parts.written + parts.hour);
      const completion = output + within("reasoning");
      const sum = input + output + Object.values(parts).reduce((left, right) => left + right);
      for (const total of [sum, sum + more]) {
        const usage = usageOf(wireOf({ prompt, completion, total }, parts));
        expect(totalTokensOf(usage)).toBe(BigInt(total));
        expect(usage).toMatchObject({
          cachedInputTokens: BigInt(parts.cached),
          cacheWriteTokens: BigInt(parts.written),
          cacheWriteHourTokens: BigInt(parts.hour),
          reasoningTokens: BigInt(parts.reasoning),
        });
        expect(usage.inputTokens).toBeGreaterThanOrEqual(0n);
        expect(usage.outputTokens).toBeGreaterThanOrEqual(0n);
      }
    }),
  );
});

test("a total that nothing explains leaves the classes as they are named", () => {
  const wire = { ...{ prompt_tokens: 100, completion_tokens: 20 }, cached_tokens: 60 };
  for (const total of [0, 7, 119])
    expect(usageOf({ ...wire, total_tokens: total })).toMatchObject({
      ...{ inputTokens: 40n, cachedInputTokens: 60n, outputTokens: 20n },
    });
});

test("a usage object that is too large to be stored is read and not kept", () => {
  const reported = reportedUsageOf({ prompt_tokens: 5, note: "x".repeat(20_000) });
  expect(reported).toMatchObject({ usage: { inputTokens: 5n }, raw: null });
});

describe("the usage of two chunks of one stream", () => {
  const begun = {
    ...{ prompt_tokens: 3_541, completion_tokens: 1, total_tokens: 3_542 },
    prompt_tokens_details: { cached_tokens: 3_000 },
  };
  const ended = { inputTokens: 541n, cachedInputTokens: 3_000n, outputTokens: 500n };
  const merged = (before: object | null, more: object | null) =>
    reportedUsageOf(mergedWireUsage(before, more));

  test.each([
    { completion_tokens: 500 },
    { output_tokens: 500 },
    { completion_tokens: 500, prompt_tokens: null, prompt_tokens_details: null },
    { completion_tokens: 500, prompt_tokens: 0, total_tokens: 500 },
    { completion_tokens: 500, prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 } },
    { completion_tokens: 500, prompt_tokens_details: {} },
    { prompt_tokens: 3_541, completion_tokens: 500, total_tokens: 4_041 },
  ])("has the input of the first and the output of the last: %j", (more) => {
    expect(merged(begun, more)?.usage).toMatchObject(ended);
  });

  test("is that of the last if it has all counts, also in details", () => {
    const last = {
      ...{ prompt_tokens: 3_600, completion_tokens: 500, total_tokens: 4_100 },
      ...{ prompt_tokens_details: { cached_tokens: 3_100 } },
    };
    expect(mergedWireUsage(begun, last)).toEqual(last);
    expect(mergedWireUsage(null, last)).toEqual(last);
  });

  test.each([
    null,
    {},
    { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    { prompt_tokens: "0", completion_tokens: null, prompt_tokens_details: { cached_tokens: 0 } },
  ])("stays that of the first if the last has no count: %j", (more) => {
    expect(mergedWireUsage(begun, more)).toEqual(begun);
  });

  test("has the details of both, and zeros that nothing precedes", () => {
    const more = { completion_tokens: 0, completion_tokens_details: { reasoning_tokens: 0 } };
    const before = { prompt_tokens: 5, completion_tokens: null };
    expect(mergedWireUsage(before, more)).toEqual({ prompt_tokens: 5, ...more });
    const written = { prompt_tokens_details: { cache_write_tokens: 41 } };
    expect(mergedWireUsage(begun, written)).toEqual({
      ...begun,
      prompt_tokens_details: { cached_tokens: 3_000, cache_write_tokens: 41 },
    });
    expect(mergedWireUsage(null, null)).toBeNull();
  });

  test("is that of Anthropic's events, whose caches are in addition", () => {
    const start = { input_tokens: 541, output_tokens: 1, cache_read_input_tokens: 3_000 };
    expect(merged(start, { output_tokens: 500 })?.usage).toMatchObject(ended);
    expect(JSON.parse(merged(start, { output_tokens: 500 })!.raw!)).toEqual({
      ...start,
      output_tokens: 500,
    });
  });
});
