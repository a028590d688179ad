import {
  allInputOf,
  type EpochMillis,
  type NanoUsd,
  PermanentFault,
  type PriceBook,
  priceOf,
  type Tier,
  tiers,
  type TokenUsage,
} from "@sluice/domain";
import type { DemoOutcome } from "./demo-outcome.ts";
import type { LedgerRow } from "./ledger-costs.ts";

export interface SummaryRow {
  readonly tier: Tier;
  readonly cache: string;
  readonly requests: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly spendNanoUsd: NanoUsd;
  readonly savedNanoUsd: NanoUsd;
  readonly premiumNanoUsd: NanoUsd;
}

export interface PremiumPrice {
  readonly variant: string;
  readonly priceBook: PriceBook;
  readonly now: EpochMillis;
}

/**
 * Returns the price of `usage` at the rates of the premium variant, for each class of tokens. The
 * premium model would have written another answer, whose length is unknown. The price therefore uses
 * the tokens that were counted.
 *
 * @throws PermanentFault `PRICE_RATE_MISSING` if the variant has no current price
 */
export function premiumPriceOf(
  usage: TokenUsage,
  { variant, priceBook, now }: PremiumPrice,
): NanoUsd {
  const price = priceBook.priceOf(variant, now, allInputOf(usage));
  if (!price)
    throw new PermanentFault("PRICE_RATE_MISSING", `The model ${variant} has no current price.`);
  return priceOf(usage, price.rates);
}

/**
 * Returns the ledger's rows, cheapest tier first, each with the cost of its answers at the rates of
 * the premium variant. Hits count in full, because without a response cache each would have been
 * a provider call.
 */
export function summarise(
  ledger: readonly LedgerRow[],
  outcomes: readonly DemoOutcome[],
  premium: PremiumPrice,
): readonly SummaryRow[] {
  return ledger
    .toSorted(
      (a, b) => tiers.indexOf(a.tier) - tiers.indexOf(b.tier) || (a.cache < b.cache ? 1 : -1),
    )
    .map(({ attempts: _attempts, hits: _hits, ...row }) => {
      const premiumNanoUsd = outcomes.reduce(
        (sum, outcome) =>
          outcome.kind === "answered" && outcome.tier === row.tier && outcome.cache === row.cache
            ? sum + premiumPriceOf(outcome.usage, premium)
            : sum,
        0n,
      );
      return { ...row, premiumNanoUsd };
    });
}

export type Sums = Omit<SummaryRow, "tier" | "cache">;

/** Returns the sums over all rows. */
export function totalOf(rows: readonly SummaryRow[]): Sums {
  return rows.reduce<Sums>(
    (sum, row) => ({
      requests: sum.requests + row.requests,
      inputTokens: sum.inputTokens + row.inputTokens,
      outputTokens: sum.outputTokens + row.outputTokens,
      spendNanoUsd: sum.spendNanoUsd + row.spendNanoUsd,
      savedNanoUsd: sum.savedNanoUsd + row.savedNanoUsd,
      premiumNanoUsd: sum.premiumNanoUsd + row.premiumNanoUsd,
    }),
    {
      requests: 0,
      inputTokens: 0n,
      outputTokens: 0n,
      spendNanoUsd: 0n,
      savedNanoUsd: 0n,
      premiumNanoUsd: 0n,
    },
  );
}
