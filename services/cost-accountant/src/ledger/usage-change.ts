import type { Usage } from "@sluice/contracts";
import { allInputOf, allOutputOf, type NanoUsd, type TokenClass } from "@sluice/domain";
import type { LedgerEntry } from "./ledger-entry.ts";

/** What an entry adds to the sums of its hour. A report after an estimate adds signed differences. */
export interface UsageChange extends Readonly<Record<TokenClass, bigint>> {
  /** Requests that caused a provider call or were a hit. Further attempts of a request add none. */
  readonly requests: bigint;
  /** Provider calls. */
  readonly attempts: bigint;
  readonly hits: bigint;
  readonly otherTokens: bigint;
  /** Input tokens of all classes that hits avoided. */
  readonly savedInputTokens: bigint;
  /** Output tokens of all classes that hits avoided. */
  readonly savedOutputTokens: bigint;
  readonly spendNanoUsd: NanoUsd;
  readonly savedNanoUsd: NanoUsd;
}

export const noChange: UsageChange = {
  requests: 0n,
  attempts: 0n,
  hits: 0n,
  inputTokens: 0n,
  cachedInputTokens: 0n,
  cacheWriteTokens: 0n,
  cacheWriteHourTokens: 0n,
  outputTokens: 0n,
  reasoningTokens: 0n,
  otherTokens: 0n,
  savedInputTokens: 0n,
  savedOutputTokens: 0n,
  spendNanoUsd: 0n,
  savedNanoUsd: 0n,
};

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
export const usageChangeNames = Object.keys(noChange) as readonly (keyof UsageChange)[];

/** Returns what an entry adds to the sums. */
export function usageChangeOf({ charge, attemptNumber, replaces }: LedgerEntry): UsageChange {
  const { usage, kind, amountNanoUsd, priceNanoUsd } = charge;
  if (kind === "saving")
    return {
      ...noChange,
      requests: 1n,
      hits: 1n,
      savedInputTokens: allInputOf(usage),
      savedOutputTokens: allOutputOf(usage),
      savedNanoUsd: priceNanoUsd,
    };
  const isFirst = replaces === null;
  const added = (count: (usage: Usage) => bigint | null): bigint =>
    (count(usage) ?? 0n) - (isFirst ? 0n : (count(replaces) ?? 0n));
  return {
    requests: isFirst && attemptNumber === 1 ? 1n : 0n,
    attempts: isFirst ? 1n : 0n,
    hits: 0n,
    inputTokens: added((of) => of.inputTokens),
    cachedInputTokens: added((of) => of.cachedInputTokens),
    cacheWriteTokens: added((of) => of.cacheWriteTokens),
    cacheWriteHourTokens: added((of) => of.cacheWriteHourTokens),
    outputTokens: added((of) => of.outputTokens),
    reasoningTokens: added((of) => of.reasoningTokens),
    otherTokens: added((of) => Object.values(of.otherTokens).reduce((sum, n) => sum + n, 0n)),
    savedInputTokens: 0n,
    savedOutputTokens: 0n,
    spendNanoUsd: amountNanoUsd,
    savedNanoUsd: 0n,
  };
}

/** Returns the sums of two changes, field by field. */
export function sumOf(left: UsageChange, right: UsageChange): UsageChange {
  const sum: Record<keyof UsageChange, bigint> = { ...left };
  for (const name of usageChangeNames) sum[name] += right[name];
  return sum;
}
