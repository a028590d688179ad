import type { Usage } from "@sluice/contracts";
import { completedOutcome } from "@sluice/request-state";
import { aCompletion, anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import {
  chunksOf,
  type CompletedOutcome,
  completionOf,
  headersOf,
  identityOf,
  isCompleted,
  usageChunkOf,
  wholeAsPayload,
} from "./completion.ts";

const calls = [{ id: "c1", type: "function", function: { name: "add", arguments: "{}" } }];
const [choice] = aCompletion().answer.choices;

function outcomeOf(changed: Parameters<typeof aCompletion>[0] = {}): CompletedOutcome {
  const outcome = completedOutcome(anAdmission(), {
    ...{ completed: aCompletion(changed), attempts: 1, lookup: null, decisions: [] },
    completedAt: 1_800_000_002_000,
  });
  if (!isCompleted(outcome)) throw new Error("It was made with an answer.");
  return outcome;
}

const withTools = outcomeOf({
  answer: {
    ...aCompletion().answer,
    choices: [
      { ...choice!, content: null, toolCalls: JSON.stringify(calls), finishReason: "tool_calls" },
    ],
  },
});

test("a completion has OpenAI's form, and its model is the variant that answered", () => {
  expect(completionOf(outcomeOf())).toMatchObject({
    ...{ id: "chatcmpl-r-1", object: "chat.completion", created: 1_800_000_000, model: "small" },
    choices: [
      {
        ...{ index: 0, finish_reason: "stop", logprobs: null },
        message: { role: "assistant", content: "Paris.", refusal: null },
      },
    ],
    usage: { prompt_tokens: 14, completion_tokens: 2, total_tokens: 16 },
  });
});

test("our disjoint classes of tokens are nested as in OpenAI's usage", () => {
  const usage = {
    ...{ inputTokens: 100n, cachedInputTokens: 40n },
    ...{ cacheWriteTokens: 7n, cacheWriteHourTokens: 20n },
    ...{ outputTokens: 10n, reasoningTokens: 5n, otherTokens: {} },
  };
  expect(completionOf(outcomeOf({ usage }))).toMatchObject({
    usage: {
      ...{ prompt_tokens: 167, completion_tokens: 15, total_tokens: 182 },
      prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 27 },
      completion_tokens_details: { reasoning_tokens: 5 },
    },
  });
});

test("the usage states cache writes only if the provider reported some class of them", () => {
  const written = (classes: Partial<Usage>) => {
    const usage = { ...aCompletion().usage, ...classes };
    return completionOf(outcomeOf({ usage }));
  };
  const details = (given: object) => ({ usage: { prompt_tokens_details: given } });
  const none = { cacheWriteTokens: null, cacheWriteHourTokens: null };
  expect(written(none)).not.toHaveProperty("usage.prompt_tokens_details.cache_write_tokens");
  expect(written({ ...none, cacheWriteHourTokens: 3n })).toMatchObject(
    details({ cache_write_tokens: 3 }),
  );
  expect(written({ ...none, cacheWriteTokens: 0n })).toMatchObject(
    details({ cache_write_tokens: 0 }),
  );
});

test("tool calls are part of the message, and in a delta each has its index", () => {
  expect(completionOf(withTools)).toMatchObject({
    choices: [{ finish_reason: "tool_calls", message: { content: null, tool_calls: calls } }],
  });
  const [delta] = chunksOf(identityOf(withTools), wholeAsPayload(withTools), false);
  expect(delta).toMatchObject({ choices: [{ delta: { tool_calls: [{ index: 0, id: "c1" }] } }] });
});

test("further members of the provider's message are part of it, whole and streamed, and replace nothing", () => {
  const members = '{"reasoning_content":"6 times 7","content":"no","role":"user"}';
  const reasoned = outcomeOf({
    answer: { ...aCompletion().answer, choices: [{ ...choice!, members }] },
  });
  const message = { role: "assistant", content: "Paris.", reasoning_content: "6 times 7" };
  expect(completionOf(reasoned)).toMatchObject({ choices: [{ message }] });
  const [delta] = chunksOf(identityOf(reasoned), wholeAsPayload(reasoned), false);
  expect(delta).toMatchObject({ choices: [{ delta: message }] });
});

test("a message without tool calls does not have an empty list of them", () => {
  expect(JSON.stringify(completionOf(outcomeOf()))).not.toContain("tool_calls");
  expect(JSON.stringify(wholeAsPayload(outcomeOf()))).not.toContain("tool_calls");
});

test("a whole answer as a stream has one delta per choice and then its end", () => {
  const outcome = outcomeOf();
  expect(chunksOf(identityOf(outcome), wholeAsPayload(outcome), false)).toMatchObject([
    { id: "chatcmpl-r-1", choices: [{ delta: { content: "Paris." }, finish_reason: null }] },
    { object: "chat.completion.chunk", choices: [{ delta: {}, finish_reason: "stop" }] },
  ]);
});

test("chunks have a null usage only if the last chunk will have one", () => {
  const chunks = (includeUsage: boolean) =>
    chunksOf(identityOf(withTools), wholeAsPayload(withTools), includeUsage).map(
      (chunk) => "usage" in chunk,
    );
  expect(chunks(true)).toEqual([true, true]);
  expect(chunks(false)).toEqual([false, false]);
});

test("the usage chunk carries the cost, which the headers of a stream cannot", () => {
  expect(usageChunkOf(outcomeOf())).toMatchObject({
    ...{ choices: [], usage: { total_tokens: 16 } },
    sluice: { cache: "miss", tier: "economy", cost_usd: "0.0000033" },
  });
});

test("headers have the exact cost if it is known", () => {
  const { completed } = outcomeOf({ costNanoUsd: 1n });
  expect(headersOf(completed)["x-sluice-cost-usd"]).toBe("0.000000001");
  expect(headersOf(wholeAsPayload(outcomeOf()))).not.toHaveProperty("x-sluice-cost-usd");
});
