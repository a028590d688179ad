import { PriceBook, type TokenUsage } from "@sluice/domain";
import { expect, test } from "vitest";
import type { DemoOutcome } from "./demo-outcome.ts";
import { addedSince, type LedgerRow } from "./ledger-costs.ts";
import { premiumPriceOf, summarise, totalOf } from "./summary.ts";

const usage: TokenUsage = {
  ...{ inputTokens: 100n, cachedInputTokens: 40n },
  ...{ cacheWriteTokens: null, cacheWriteHourTokens: null },
  ...{ outputTokens: 10n, reasoningTokens: 5n, otherTokens: {} },
};
const rates = {
  ...{ inputNanoUsd: 15_000_000_000n, outputNanoUsd: 75_000_000_000n },
  ...{ cachedInputNanoUsd: 7_500_000_000n, cacheWriteNanoUsd: null },
  ...{ cacheWriteHourNanoUsd: null },
  ...{ reasoningNanoUsd: null, otherNanoUsd: {} },
};
const priceBook = new PriceBook([
  { variant: "big", effectiveFrom: 0, inputAboveTokens: null, rates },
]);
const premium = { variant: "big", priceBook, now: 1_800_000_000_000 };
const row: LedgerRow = {
  ...{ tier: "economy", cache: "miss", requests: 1, attempts: 1, hits: 0 },
  ...{ inputTokens: 140n, outputTokens: 15n, spendNanoUsd: 7n, savedNanoUsd: 0n },
};
const answer: DemoOutcome = {
  kind: "answered",
  tier: "economy",
  cache: "miss",
  usage,
  attempts: 1,
};

test("the premium price applies the rate of each class of tokens", () => {
  // 100 × 15 + 40 × 7.50 + (10 + 5) × 75 dollars per million: reasoning is billed as output.
  expect(premiumPriceOf(usage, premium)).toBe(2_925_000n);
});

test("a premium model without a current price is an error, and is not counted as free", () => {
  expect(() => premiumPriceOf(usage, { ...premium, variant: "other" })).toThrow(
    "other has no current price",
  );
});

test("each answer is priced in the row of its tier and cache result, and a hit at the full price", () => {
  const hit: DemoOutcome = { ...answer, cache: "exact", attempts: 0 };
  const refused: DemoOutcome = { kind: "unanswered", code: "shed", attempts: 0 };
  const hits: LedgerRow = { ...row, cache: "exact", hits: 2, attempts: 0, requests: 2 };
  const standard: LedgerRow = { ...row, tier: "standard" };
  const rows = summarise([standard, hits, row], [answer, hit, hit, refused], premium);
  expect(rows.map(({ tier, cache, premiumNanoUsd }) => [tier, cache, premiumNanoUsd])).toEqual([
    ["economy", "miss", 2_925_000n],
    ["economy", "exact", 5_850_000n],
    ["standard", "miss", 0n],
  ]);
  expect(totalOf(rows)).toMatchObject({
    requests: 4,
    spendNanoUsd: 21n,
    premiumNanoUsd: 8_775_000n,
  });
});

test("costs that the ledger had before the demo are not counted", () => {
  const more: LedgerRow = { ...row, requests: 3, attempts: 4, inputTokens: 150n, spendNanoUsd: 9n };
  const idle: LedgerRow = { ...row, tier: "premium" };
  expect(addedSince([row, idle], [more, idle])).toEqual([
    { ...row, requests: 2, attempts: 3, inputTokens: 10n, outputTokens: 0n, spendNanoUsd: 2n },
  ]);
});
