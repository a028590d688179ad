import { expect, test } from "vitest";
import { usageOf } from "./http-demo-client.ts";

test("OpenAI's nested token counts become disjoint classes", () => {
  const usage = usageOf({
    ...{ prompt_tokens: 140, completion_tokens: 15, total_tokens: 155 },
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens_details: { reasoning_tokens: 5 },
  });
  expect(usage).toEqual({
    ...{ inputTokens: 100n, cachedInputTokens: 40n },
    ...{ cacheWriteTokens: null, cacheWriteHourTokens: null },
    ...{ outputTokens: 10n, reasoningTokens: 5n, otherTokens: {} },
  });
});
