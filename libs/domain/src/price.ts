import { PermanentFault } from "./faults.ts";
import { divideHalfEven, type NanoUsd, tokensPerRate } from "./money.ts";
import type { TokenUsage } from "./usage.ts";

/** Nano-USD per million tokens, as published. A class without a rate of its own takes its parent's. */
export interface Rates {
  readonly inputNanoUsd: NanoUsd;
  readonly outputNanoUsd: NanoUsd;
  /** null: billed as input. */
  readonly cachedInputNanoUsd: NanoUsd | null;
  /** null: billed as input. */
  readonly cacheWriteNanoUsd: NanoUsd | null;
  /** null: billed as output. */
  readonly reasoningNanoUsd: NanoUsd | null;
  /** By the class's name. */
  readonly otherNanoUsd: Readonly<Record<string, NanoUsd>>;
}

export type PriceFaultCode = "PRICE_USAGE_MISSING" | "PRICE_RATE_MISSING";

/**
 * The price of one attempt in nano-USD, rounded once, over the sum.
 *
 * @throws PermanentFault `PRICE_USAGE_MISSING` when input or output were never counted,
 *   `PRICE_RATE_MISSING` for a class that the rates do not name. Nothing is free by omission.
 */
export function priceOf(usage: TokenUsage, rates: Rates): NanoUsd {
  if (usage.inputTokens === null || usage.outputTokens === null)
    throw new PermanentFault("PRICE_USAGE_MISSING", "Input or output tokens were never counted.");

  const named =
    usage.inputTokens * rates.inputNanoUsd +
    (usage.cachedInputTokens ?? 0n) * (rates.cachedInputNanoUsd ?? rates.inputNanoUsd) +
    (usage.cacheWriteTokens ?? 0n) * (rates.cacheWriteNanoUsd ?? rates.inputNanoUsd) +
    usage.outputTokens * rates.outputNanoUsd +
    (usage.reasoningTokens ?? 0n) * (rates.reasoningNanoUsd ?? rates.outputNanoUsd);
  return divideHalfEven(named + otherPriceOf(usage, rates), tokensPerRate);
}

function otherPriceOf(usage: TokenUsage, rates: Rates): bigint {
  let sum = 0n;
  for (const [name, tokens] of Object.entries(usage.otherTokens)) {
    const rate = rates.otherNanoUsd[name];
    if (rate === undefined && tokens > 0n)
      throw new PermanentFault("PRICE_RATE_MISSING", `No rate for tokens of class "${name}".`);
    sum += tokens * (rate ?? 0n);
  }
  return sum;
}

/**
 * What an attempt can cost at most: all input at its dearest class, and every
 * answer as long as allowed. Rounded up, as it bounds.
 */
export function worstCaseOf(
  bounds: { readonly inputTokens: bigint; readonly outputLimit: bigint; readonly answers: bigint },
  rates: Rates,
): NanoUsd {
  const input = dearest(rates.inputNanoUsd, rates.cachedInputNanoUsd, rates.cacheWriteNanoUsd);
  const output = dearest(rates.outputNanoUsd, rates.reasoningNanoUsd);
  const sum = bounds.inputTokens * input + bounds.answers * bounds.outputLimit * output;
  return (sum + tokensPerRate - 1n) / tokensPerRate;
}

function dearest(...rates: readonly (NanoUsd | null)[]): NanoUsd {
  return rates.reduce<NanoUsd>((most, rate) => (rate !== null && rate > most ? rate : most), 0n);
}
