import { embeddingOf } from "@sluice/domain";
import { completedOutcome } from "@sluice/request-state";
import { aCompletion, aMiss, anAdmission } from "@sluice/testing/fixtures";
import { expect, test } from "vitest";
import { isCompleted } from "./completion.ts";
import { embeddingListOf } from "./embedding-list.ts";

const { answer, usage, ...rest } = aCompletion({ variant: "embeddings" });
const outcome = completedOutcome(anAdmission(), {
  completed: {
    ...rest,
    answer: { ...answer, choices: [], embeddings: [embeddingOf([1, 0.1]), embeddingOf([-1, 0])] },
    usage: { ...usage, inputTokens: 7n, cachedInputTokens: null, outputTokens: 0n },
  },
  ...{ attempts: 1, lookup: aMiss, decisions: [], completedAt: 0 },
});

test("embeddings are listed in order, as numbers or base64, with the input tokens as usage", () => {
  if (!isCompleted(outcome)) throw new Error("not completed");
  expect(embeddingListOf(outcome, "float")).toEqual({
    object: "list",
    data: [
      { object: "embedding", index: 0, embedding: [1, Math.fround(0.1)] },
      { object: "embedding", index: 1, embedding: [-1, 0] },
    ],
    model: "embeddings",
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  expect(embeddingListOf(outcome, "base64")).toMatchObject({
    data: [{ embedding: "AACAP83MzD0=" }, { embedding: "AACAvwAAAAA=" }],
  });
});
